/// Values by key, each under a small number besides, which is what an `IndexedHeap` knows it by. The number of a key that
/// has gone is given out again.
struct NumberedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private var numbers: [Key: Int] = [:]
  private var slots: [Value?] = []
  private var free: [Int] = []

  var isEmpty: Bool { numbers.isEmpty }
  var count: Int { numbers.count }

  /// In no order.
  var values: some Sequence<Value> { slots.lazy.compactMap { $0 } }

  func number(of key: Key) -> Int? { numbers[key] }

  /// What stands under a number that has been given out.
  subscript(number: Int) -> Value? {
    _read { yield slots[number] }
    _modify { yield &slots[number] }
  }

  /// - Precondition: the key is new.
  /// - Returns: its number.
  mutating func add(_ value: Value, for key: Key) -> Int {
    let number = free.popLast() ?? slots.count
    if number == slots.count { slots.append(value) } else { slots[number] = value }
    let former = numbers.updateValue(number, forKey: key)
    precondition(former == nil, "\(key) has a number")
    return number
  }

  /// - Returns: the number that is free from now on; nil if the key had none.
  mutating func remove(_ key: Key) -> (number: Int, value: Value)? {
    guard let number = numbers.removeValue(forKey: key), let value = slots[number] else { return nil }
    slots[number] = nil
    free.append(number)
    return (number, value)
  }
}
