internal import DurableFiles
internal import Foundation

/// Where the checkpoints of a run lie.
///
/// A name says which incarnation of the learner wrote the folder: one that was replaced and does not know it yet cannot
/// touch what its successor writes.
enum Checkpoints {
  static let folder = "checkpoints"

  /// Relative to the run folder; sorts as the steps do.
  static func path(of step: UInt32, incarnation: UInt32) -> String {
    let digits = String(step)
    return "\(folder)/step-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".\(incarnation)"
  }

  /// Removes what earlier incarnations left behind and nothing names: folders half written, folders that the journal never
  /// heard of, folders whose removal was cut short.
  ///
  /// - Parameter kept: paths that the journal names.
  static func sweep(_ run: String, keeping kept: [String], before incarnation: UInt32) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(run)/\(folder)")) ?? []
    for name in names.sorted() where name.hasPrefix("step-") && !kept.contains("\(folder)/\(name)") {
      let writer = name.split(separator: ".").dropFirst().first.flatMap { UInt32($0) } ?? 0
      if writer < incarnation { try DurableFiles.remove("\(run)/\(folder)/\(name)") }
    }
  }
}
