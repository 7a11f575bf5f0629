/// How the vision tower walks over an image of one size: the order of its tokens and their windows.
///
/// Patches come in merge order: each merged token's patches together, merged tokens row by row. Window attention wants the
/// tokens of a window together; windows at the right and lower edge may be smaller, so windows of equal size stand together
/// too, and each size is one dense batch. Which window comes first changes nothing.
struct VisionGrid: Hashable {
  /// Rows and columns of merged tokens.
  let rows: Int
  let columns: Int
}

struct VisionWindows {
  /// Place i of the window order holds merged token `order[i]` of the image, row by row.
  private(set) var order: [Int] = []
  /// The windows in that order: so many of so many merged tokens each.
  private(set) var sizes: [(count: Int, tokens: Int)] = []

  /// - Parameter side: merged tokens a side of a window.
  init(_ grid: VisionGrid, side: Int) {
    var windows: [[Int]] = []
    for top in stride(from: 0, to: grid.rows, by: side) {
      for left in stride(from: 0, to: grid.columns, by: side) {
        let rows = top..<min(top + side, grid.rows)
        let columns = left..<min(left + side, grid.columns)
        windows.append(rows.flatMap { row in columns.map { row * grid.columns + $0 } })
      }
    }
    for size in Set(windows.map(\.count)).sorted(by: >) {
      let equal = windows.filter { $0.count == size }
      order += equal.flatMap { $0 }
      sizes.append((equal.count, size))
    }
  }

  var isRowByRow: Bool { order == Array(order.indices) }

  /// Where each merged token went.
  var inverse: [Int] {
    var inverse = [Int](repeating: 0, count: order.count)
    for (place, token) in order.enumerated() { inverse[token] = place }
    return inverse
  }
}
