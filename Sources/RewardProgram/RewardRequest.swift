internal import Foundation

/// One response that is to be scored.
package struct RewardRequest: Sendable, Hashable {
  package var problem: String
  package var problemType: String
  package var solution: String
  package var response: String
  /// Paths of the problem's images, absolute or from the folder that both programs run in.
  package var images: [String]

  package init(problem: String, problemType: String, solution: String, response: String, images: [String] = []) {
    self.problem = problem
    self.problemType = problemType
    self.solution = solution
    self.response = response
    self.images = images
  }

  /// The line that asks for it, with the line feed.
  func line(id: UInt64) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let line = Line(
      id: id, problem: problem, problem_type: problemType, solution: solution, response: response,
      images: images.isEmpty ? nil : images)
    guard let json = try? encoder.encode(line) else { preconditionFailure("strings and integers can always be encoded") }
    return Array(json) + [UInt8(ascii: "\n")]
  }

  /// The keys as they are written.
  private struct Line: Encodable {
    let id: UInt64
    let problem: String
    let problem_type: String
    let solution: String
    let response: String
    let images: [String]?
  }
}
