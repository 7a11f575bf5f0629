/// Values by key, each under a small number besides, which is what an `IndexedHeap` knows it by. The number of a key that
/// has gone is given out again.
struct NumberedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private var numbers: [Key: Int] = [:]
  private var free: [Int] = []
  /// What stands under each number that has been given out. A plain array, because a field of an array's element is read and
  /// changed where it lies; an optional element, or one behind a subscript of the table's own, would be copied for it.
  var byNumber: [Value] = []

  var isEmpty: Bool { numbers.isEmpty }
  var count: Int { numbers.count }

  /// In no order.
  var values: some Sequence<Value> { numbers.values.lazy.map { byNumber[$0] } }

  func number(of key: Key) -> Int? { numbers[key] }

  subscript(key: Key) -> Value? { numbers[key].map { byNumber[$0] } }

  /// - Precondition: the key is new.
  /// - Returns: its number.
  mutating func add(_ value: Value, for key: Key) -> Int {
    let number = free.popLast() ?? byNumber.count
    if number == byNumber.count { byNumber.append(value) } else { byNumber[number] = value }
    let former = numbers.updateValue(number, forKey: key)
    precondition(former == nil, "\(key) has a number")
    return number
  }

  /// The value stays where it is until its number is given out again.
  ///
  /// - Returns: the number that is free from now on; nil if the key had none.
  mutating func remove(_ key: Key) -> Int? {
    guard let number = numbers.removeValue(forKey: key) else { return nil }
    free.append(number)
    return number
  }
}
