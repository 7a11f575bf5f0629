/// Groups that wait to be scored, bounded in number and bytes. Workers take turns, so that one that pushes without end, or
/// what it made up, delays nobody else by more than its turn; what is too much is dropped from whoever has most.
struct GroupQueue: Sendable {
  private struct Line: Sendable {
    let worker: String
    var groups: ArraySlice<ResponseGroup>
    var bytes: Int

    /// What goes first where bytes are short: more than one's turn.
    var claim: (Int, Int) { (groups.count > 1 ? 1 : 0, bytes) }
  }

  /// In the order of their turns; none is empty.
  private var lines: [Line] = []
  private(set) var count = 0
  private var bytes = 0
  private let countBound: Int
  private let byteBound: Int

  init(count: Int, bytes: Int) {
    countBound = count
    byteBound = bytes
  }

  var isEmpty: Bool { lines.isEmpty }

  func contains(_ lease: LeaseID, of worker: String) -> Bool {
    lines.first { $0.worker == worker }?.groups.contains { $0.lease.id == lease } == true
  }

  /// Adds a group, in place of those of earlier attempts at its unit, which nobody waits for.
  ///
  /// - Returns: what had to be dropped to make room, with its worker: the newest of whoever had most waiting, and of those who
  ///   have only one the largest.
  mutating func add(_ group: ResponseGroup, from worker: String) -> [(lease: LeaseID, worker: String)] {
    remove(from: worker) { $0.lease.unit == group.lease.unit && $0.lease.attempt < group.lease.attempt }
    if let index = lines.firstIndex(where: { $0.worker == worker }) {
      lines[index].groups.append(group)
      lines[index].bytes += group.byteCount
    } else {
      lines.append(Line(worker: worker, groups: [group], bytes: group.byteCount))
    }
    (count, bytes) = (count + 1, bytes + group.byteCount)
    var dropped: [(lease: LeaseID, worker: String)] = []
    while count > countBound || (bytes > byteBound && count > 1) {
      let isByCount = count > countBound
      guard
        let index = lines.indices.max(by: {
          isByCount ? lines[$0].groups.count < lines[$1].groups.count : lines[$0].claim < lines[$1].claim
        }), let last = lines[index].groups.last
      else { break }
      let name = lines[index].worker
      dropped.append((last.lease.id, name))
      take(lines[index].groups.count - 1, of: index)
    }
    return dropped
  }

  /// The next one, of the worker whose turn it is.
  ///
  /// - Parameter isBusy: leases of which none is wanted now.
  mutating func next(besides isBusy: (LeaseID) -> Bool) -> (group: ResponseGroup, worker: String)? {
    for index in lines.indices {
      guard let group = lines[index].groups.first, !isBusy(group.lease.id) else { continue }
      let (worker, isLast) = (lines[index].worker, lines[index].groups.count == 1)
      take(0, of: index)
      if !isLast { lines.append(lines.remove(at: index)) }
      return (group, worker)
    }
    return nil
  }

  private mutating func remove(from worker: String, where isOver: (ResponseGroup) -> Bool) {
    guard let index = lines.firstIndex(where: { $0.worker == worker }) else { return }
    let over = lines[index].groups.indices.filter { isOver(lines[index].groups[$0]) }
    for position in over.reversed() { take(position - lines[index].groups.startIndex, of: index) }
  }

  /// Takes out one group, and its line with the last one.
  private mutating func take(_ offset: Int, of index: Int) {
    let group = lines[index].groups.remove(at: lines[index].groups.startIndex + offset)
    (count, bytes, lines[index].bytes) = (count - 1, bytes - group.byteCount, lines[index].bytes - group.byteCount)
    if lines[index].groups.isEmpty { lines.remove(at: index) }
  }
}
