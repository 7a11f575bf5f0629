/// The learned merges of a byte-pair encoding: which two tokens become which one, and which of them go first.
struct PairMerges: Sendable {
  /// Later than every merge.
  static let never = UInt32.max

  /// [merge]: the token it makes.
  private(set) var merged: [Int32] = []
  /// Open addressing; the empty slot has `rank == never`.
  private var slots: [Slot]
  private var mask: Int

  private struct Slot {
    var pair: UInt64 = 0
    var rank: UInt32 = PairMerges.never
  }

  init(capacity: Int) {
    var size = 16
    while size < 2 * capacity { size *= 2 }
    slots = Array(repeating: Slot(), count: size)
    mask = size - 1
    merged.reserveCapacity(capacity)
  }

  /// Adds a merge that goes after those added before. A pair added again takes the later place.
  mutating func append(_ left: Int32, _ right: Int32, makes token: Int32) {
    precondition(merged.count < slots.count / 2, "more merges than there is room for")
    let pair = Self.pair(left, right)
    var index = firstSlot(of: pair)
    while slots[index].rank != Self.never, slots[index].pair != pair { index = (index + 1) & mask }
    slots[index] = Slot(pair: pair, rank: UInt32(merged.count))
    merged.append(token)
  }

  /// - Returns: the place in the order of merges of the one that joins these two tokens, or `never`.
  func rank(_ left: Int32, _ right: Int32) -> UInt32 {
    let pair = Self.pair(left, right)
    return slots.withUnsafeBufferPointer { slots in
      var index = firstSlot(of: pair)
      while slots[index].rank != Self.never {
        if slots[index].pair == pair { return slots[index].rank }
        index = (index + 1) & mask
      }
      return Self.never
    }
  }

  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  private func firstSlot(of pair: UInt64) -> Int {
    let mixed = (pair ^ pair >> 29) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed >> 32) & mask
  }
}
