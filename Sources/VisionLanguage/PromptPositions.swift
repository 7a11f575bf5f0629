/// The positions of a prompt's tokens in time, height and width (M-RoPE of Qwen2.5-VL).
///
/// Text tokens advance all three together. The tokens of an image stand in a grid: all at the time where the image begins,
/// rows and columns counted from there; the text after it begins past the grid's longer side.
struct PromptPositions {
  private(set) var positions: [SIMD3<Int32>] = []
  /// The position of the token after the prompt, the same on the three axes.
  private(set) var next: Int32 = 0
  /// Where the image tokens stand in the prompt, in order.
  private(set) var imageTokens: [Int] = []

  /// - Parameters:
  ///   - tokens: an image stands in them as `mergedTokenCount` times the image token.
  ///   - grids: rows and columns of each image's merged tokens.
  init(tokens: [Int32], grids: [(rows: Int, columns: Int)], imageToken: Int32) throws(ModelError) {
    positions.reserveCapacity(tokens.count)
    var image = 0
    var index = 0
    while index < tokens.count {
      guard tokens[index] == imageToken else {
        positions.append(SIMD3(repeating: next))
        next += 1
        index += 1
        continue
      }
      guard image < grids.count else {
        throw .input("the prompt has image tokens after its last image", advice: "give an image for each run of image tokens")
      }
      let grid = grids[image]
      let count = grid.rows * grid.columns
      guard tokens[index...].prefix(count).count(where: { $0 == imageToken }) == count else {
        throw .input(
          "image \(image + 1) of the prompt fills \(count) tokens, the prompt holds fewer image tokens for it",
          advice: "make the prompt with the image sizes that the image processor gives")
      }
      for row in 0..<grid.rows {
        for column in 0..<grid.columns {
          positions.append(SIMD3(next, next + Int32(row), next + Int32(column)))
        }
      }
      imageTokens.append(contentsOf: index..<index + count)
      next += Int32(max(grid.rows, grid.columns))
      index += count
      image += 1
    }
    guard image == grids.count else {
      throw .input(
        "the prompt has \(grids.count) images and image tokens for \(image)",
        advice: "put the image tokens of every image into the prompt")
    }
  }
}
