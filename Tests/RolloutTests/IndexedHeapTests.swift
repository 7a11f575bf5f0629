import Synchronization
import Testing

@testable import Rollout

@Suite("The indexed heap")
struct IndexedHeapTests {
  @Test("agrees with a sorted list under random changes", arguments: 0..<10 as Range<UInt64>)
  func random(seed: UInt64) {
    var draws = Draws(seed: seed)
    var heap = IndexedHeap<Int>()
    var keys: [Int: Int] = [:]
    for _ in 0..<2000 {
      let element = draws.below(60)
      if draws.chance(0.4) {
        heap.remove(element)
        keys[element] = nil
      } else {
        // Different for every element.
        let key = draws.below(40) * 100 + element
        heap.set(element, to: key)
        keys[element] = key
      }
      let sorted = keys.sorted { $0.value < $1.value }
      #expect(heap.first == sorted.first?.key && heap.firstKey == sorted.first?.value && heap.isEmpty == keys.isEmpty)
      #expect(Array(heap.ascending) == sorted.map(\.key))
      let bound = draws.below(4000)
      #expect(Set(heap.prefix { $0 < bound }) == Set(keys.filter { $0.value < bound }.keys))
    }
  }

  @Test("keeps elements with the same key apart")
  func sameKeys() {
    var heap = IndexedHeap<Int>()
    for element in 0..<10 { heap.set(element, to: 1) }
    heap.remove(3)
    heap.set(7, to: 0)
    #expect(heap.first == 7 && Set(heap.ascending) == Set(0..<10).subtracting([3]))
  }

  /// A number that counts how often it is compared.
  private struct CountedKey: Comparable {
    final class Counter: Sendable {
      let comparisons = Atomic(0)
    }

    let value: Int
    let counter: Counter

    static func < (left: Self, right: Self) -> Bool {
      left.counter.comparisons.add(1, ordering: .relaxed)
      return left.value < right.value
    }

    static func == (left: Self, right: Self) -> Bool { left.value == right.value }
  }

  @Test("a change compares few of many elements", arguments: [100, 10_000])
  func cost(count: Int) {
    let counter = CountedKey.Counter()
    var draws = Draws(seed: 1)
    var heap = IndexedHeap<CountedKey>()
    func key(_ value: Int) -> CountedKey { CountedKey(value: value, counter: counter) }
    for element in 0..<count { heap.set(element, to: key(draws.below(1 << 40))) }
    let levels = Int.bitWidth - count.leadingZeroBitCount
    for _ in 0..<1000 {
      let element = draws.below(count)
      let before = counter.comparisons.load(ordering: .relaxed)
      if draws.chance(0.5) { heap.remove(element) }
      heap.set(element, to: key(draws.below(1 << 40)))
      #expect(counter.comparisons.load(ordering: .relaxed) - before <= 4 * levels + 4)
    }
  }

  @Test("looks no further than asked for")
  func early() {
    var heap = IndexedHeap<Int>()
    for element in 0..<10_000 { heap.set(element, to: (element * 7919) % 10_000) }
    var asked = 0
    let found = heap.prefix {
      asked += 1
      return $0 < 10
    }
    #expect(found.count == 10 && asked <= 21)
    #expect(heap.ascending.prefix(3).map { ($0 * 7919) % 10_000 } == [0, 1, 2])
  }
}
