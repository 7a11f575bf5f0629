internal import DurableFiles
internal import Foundation

/// Where the checkpoints of a run lie, and which are kept.
enum Checkpoints {
  static let folder = "checkpoints"

  /// Relative to the run folder; sorts as the steps do.
  static func path(of step: UInt32) -> String {
    let digits = String(step)
    return "\(folder)/step-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }

  /// Removes all but the newest `count`, which is at least 2: one stays until the next has been verified.
  static func prune(in run: String, keeping count: Int) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(run)/\(folder)")) ?? []
    let steps = names.filter { $0.hasPrefix("step-") && !$0.hasSuffix(".partial") }.sorted()
    for name in steps.dropLast(max(2, count)) { try DurableFiles.remove("\(run)/\(folder)/\(name)") }
  }
}
