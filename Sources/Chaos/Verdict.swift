internal import DurableFiles
internal import Foundation

/// What a plan has shown: `chaos.json`.
package struct Verdict: Sendable, Codable, Hashable {
  package enum Outcome: String, Sendable, Codable {
    case passed, failed
    /// Nothing is wrong, but not every fault was seen to act.
    case notProven = "not proven"

    /// Of the command.
    package var exitCode: Int32 {
      switch self {
      case .passed: 0
      case .failed: 1
      case .notProven: 2
      }
    }
  }

  /// One thing that must hold.
  package struct Check: Sendable, Codable, Hashable {
    package var name: String
    package var isPassed: Bool
    package var found: String
  }

  /// Numbers behind the checks.
  package struct Numbers: Sendable, Codable, Hashable {
    package var issued = 0
    package var trained = 0
    package var deadLettered = 0
    package var groupsLost = 0
    package var trainedTwice = 0
    package var steps = 0
    package var learnerStarts = 0
    package var processStarts = 0
    package var checkpoints = 0
    package var checkpointsWhole = 0
    package var policySHA256: String?
    /// Of the undisturbed run, or of the replay of an asynchronous one.
    package var expectedPolicySHA256: String?
    /// Of the disturbed run, from its first process to its last.
    package var seconds = 0.0
    package var undisturbedSeconds: Double?
  }

  package var outcome: Outcome
  package var plan: String
  package var seed: UInt64
  /// When it began, seconds since 1970.
  package var beganAt: Double
  /// What does the same again.
  package var command: String
  package var checks: [Check]
  package var numbers: Numbers
  package var faults: [FaultRecord]
  /// What the run did, for the timeline.
  package var samples: [RunObserver.Sample]
  package var processes: [Life]
  /// What whoever reads this should know besides.
  package var notes: [String]

  package struct Life: Sendable, Codable, Hashable {
    package var name: String
    package var from: Double
    package var to: Double
    package var end: String
  }

  package var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      encoder.keyEncodingStrategy = .convertToSnakeCase
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  func write(to folder: ChaosFolder) throws {
    try DurableFiles.write(try json + "\n", to: folder.verdict)
    try DurableFiles.write(VerdictPage(self).html, to: folder.page)
  }

  /// The slowest recovery of all, to the next group.
  package var worstRecovery: Double? { faults.compactMap(\.secondsToNextGroup).max() }
}
