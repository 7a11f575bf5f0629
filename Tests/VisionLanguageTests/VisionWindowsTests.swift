import Testing

@testable import VisionLanguage

@Suite("Attention windows of an image")
struct VisionWindowsTests {
  @Test(
    "hold every token once, the tokens of a window together, windows of equal size together",
    arguments: [(1, 4, 4), (3, 5, 2), (8, 8, 4), (9, 4, 4), (2, 13, 4), (1, 1, 4)])
  func windows(rows: Int, columns: Int, side: Int) {
    let windows = VisionWindows(VisionGrid(rows: rows, columns: columns), side: side)
    #expect(windows.order.sorted() == Array(0..<rows * columns))
    #expect(windows.inverse.map { windows.order[$0] } == Array(0..<rows * columns))
    #expect(Set(windows.sizes.map(\.tokens)).count == windows.sizes.count)
    var rest = windows.order[...]
    var seen: Set<[Int]> = []
    for (count, tokens) in windows.sizes {
      for _ in 0..<count {
        let window = rest.prefix(tokens)
        rest = rest.dropFirst(tokens)
        let places = Set(window.map { [$0 / columns / side, $0 % columns / side] })
        #expect(places.count == 1, "a window's tokens lie in one window of the image")
        #expect(seen.isDisjoint(with: places))
        seen.formUnion(places)
      }
    }
    #expect(rest.isEmpty)
  }

  @Test("an image of one window keeps its order")
  func oneWindow() {
    #expect(VisionWindows(VisionGrid(rows: 1, columns: 4), side: 4).isRowByRow)
    #expect(!VisionWindows(VisionGrid(rows: 3, columns: 5), side: 2).isRowByRow)
  }
}
