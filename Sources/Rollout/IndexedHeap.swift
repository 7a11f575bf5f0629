/// The elements of a changing set in the order of their keys: a binary heap that knows the place of each element, so that
/// any of them can be moved or taken out in time that grows with the logarithm of their number.
///
/// Elements are small numbers (`NumberedTable` gives them out): there is a place for each up to the largest seen. Elements
/// with the same key come in an order that depends on history, so what is done must not depend on it.
struct IndexedHeap<Key: Comparable & Sendable>: Sendable {
  fileprivate struct Entry: Sendable {
    var key: Key
    var element: Int
  }

  private static var nowhere: Int32 { -1 }

  private var entries: [Entry] = []
  /// Where each element stands in `entries`.
  private var places: [Int32] = []

  var isEmpty: Bool { entries.isEmpty }

  /// The least key.
  var firstKey: Key? { entries.first?.key }

  /// An element with the least key.
  var first: Int? { entries.first?.element }

  /// Puts the element in, or gives it another key.
  mutating func set(_ element: Int, to key: Key) {
    guard let place = place(of: element) else {
      if element >= places.count { places.append(repeating: Self.nowhere, through: element) }
      entries.append(Entry(key: key, element: element))
      return rise(from: entries.count - 1)
    }
    let old = entries[place].key
    entries[place].key = key
    if key < old { rise(from: place) } else if old < key { sink(from: place) }
  }

  mutating func remove(_ element: Int) {
    guard let place = place(of: element) else { return }
    places[element] = Self.nowhere
    let last = entries.removeLast()
    guard place < entries.count else { return }
    let old = entries[place].key
    entries[place] = last
    if last.key < old { rise(from: place) } else { sink(from: place) }
  }

  /// All elements whose keys come first, in no order.
  ///
  /// - Parameter isEarly: true for every key less than one that it is true for. It is asked about these elements and
  ///   their children, no others.
  func prefix(while isEarly: (Key) -> Bool) -> [Int] {
    var found: [Int] = []
    var pending = [0]
    while let place = pending.popLast() {
      guard place < entries.count, isEarly(entries[place].key) else { continue }
      found.append(entries[place].element)
      pending += [2 * place + 1, 2 * place + 2]
    }
    return found
  }

  /// The elements from the least key on. Each step looks at no more than the children of those that have come.
  var ascending: Ascending { Ascending(entries: entries) }

  struct Ascending: Sequence, IteratorProtocol {
    fileprivate let entries: [Entry]
    /// Places whose elements may come next, the next one last.
    private var frontier: [Int] = []
    /// The place of the element that came last.
    private var last = 0
    private var hasBegun = false

    fileprivate init(entries: [Entry]) {
      self.entries = entries
    }

    mutating func next() -> Int? {
      if hasBegun {
        wait(2 * last + 1)
        wait(2 * last + 2)
        guard let place = frontier.popLast() else { return nil }
        last = place
      }
      hasBegun = true
      return last < entries.count ? entries[last].element : nil
    }

    private mutating func wait(_ place: Int) {
      guard place < entries.count else { return }
      var (low, high) = (0, frontier.count)
      while low < high {
        let middle = (low + high) / 2
        if entries[place].key < entries[frontier[middle]].key { low = middle + 1 } else { high = middle }
      }
      frontier.insert(place, at: low)
    }
  }

  private func place(of element: Int) -> Int? {
    guard element < places.count, places[element] != Self.nowhere else { return nil }
    return Int(places[element])
  }

  /// Moves the entry towards the root until its parent comes no later.
  private mutating func rise(from start: Int) {
    let entry = entries[start]
    var place = start
    while place > 0 {
      let parent = (place - 1) / 2
      guard entry.key < entries[parent].key else { break }
      put(entries[parent], at: place)
      place = parent
    }
    put(entry, at: place)
  }

  /// Moves the entry towards the leaves until its children come no earlier.
  private mutating func sink(from start: Int) {
    let entry = entries[start]
    var place = start
    while true {
      var child = 2 * place + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count, entries[child + 1].key < entries[child].key { child += 1 }
      guard entries[child].key < entry.key else { break }
      put(entries[child], at: place)
      place = child
    }
    put(entry, at: place)
  }

  private mutating func put(_ entry: Entry, at place: Int) {
    entries[place] = entry
    places[entry.element] = Int32(place)
  }
}

extension [Int32] {
  fileprivate mutating func append(repeating value: Int32, through index: Int) {
    append(contentsOf: repeatElement(value, count: index + 1 - count))
  }
}
