internal import ActionableErrors
package import Dashboard
package import DurableFiles
internal import Engines
internal import Foundation
internal import Rollout
internal import RunStore
internal import Settings

/// Trains again what the journal of a run says was trained, from the run's base policy on, and compares the policy after
/// each step with the one that the journal has for it, bit for bit.
///
/// Responses, rewards and advantages come from the journal: nothing is sampled, scored or evaluated. The run folder is only
/// read, so a run that is under way can be replayed as far as it has come.
package struct Replay: Sendable {
  package struct Outcome: Sendable {
    /// Trained again.
    package let steps: Int
    /// `WeightManifest.digest` after the last of them.
    package let policy: SHA256Digest
    /// Nil if every step made the policy that the journal has for it.
    package let firstDifference: ReplayDifference?
  }

  private let folder: RunFolder
  private let until: UInt32?
  private let progress: TerminalProgress

  /// - Parameter until: the last step to train, from 1; nil for all that the run has trained.
  package init(_ folder: RunFolder, until: UInt32? = nil, progress: TerminalProgress) {
    self.folder = folder
    self.until = until
    self.progress = progress
  }

  /// Ends at the first step that differs: all later ones are built on it.
  package func run() async throws -> Outcome {
    let settings = try self.settings()
    let reader = try RunReader(path: folder.store)
    let last = try lastStep(reader)
    let rows = try readRows(settings.data.trainFiles, settings.data)
    let catalogue = RowCatalogue(rows: rows, system: settings.data.systemPrompt)
    // Without held-out rows the engine evaluates nothing between steps.
    let engine = LearnerEngine(settings: settings, folder: folder.path, rows: rows, heldOut: [])
    var policy = try await engine.loadBase().digest
    let stage = progress.stage("replay", total: Int(last))
    do {
      for number in 1...last {
        let (step, groups) = try training(of: number, reader)
        for group in groups { try check(group, against: catalogue) }
        let (trained, manifest) = try await engine.train(step: number, groups: groups)
        policy = manifest.digest
        guard policy == step.policy else {
          stage.finish("step \(number) differs")
          let difference = ReplayDifference(
            step: number, recorded: step.policy, found: policy, units: groups.map(\.unit.description))
          return Outcome(steps: Int(number), policy: policy, firstDifference: difference)
        }
        stage.update(done: Int(number), numbers: trained.metrics.filter { $0.name == "loss" }.map { ($0.name, $0.value) })
      }
    } catch {
      stage.finish("stopped")
      throw error
    }
    stage.finish("\(last) steps, the same bits after each")
    return Outcome(steps: Int(last), policy: policy, firstDifference: nil)
  }

  /// As the learner of the run read them.
  private func settings() throws -> RunSettings {
    guard FileManager.default.fileExists(atPath: folder.path) else {
      throw RunError(
        code: "replay.no-folder", message: "there is no run folder \(folder.path)", advice: "give the run.folder of a run")
    }
    guard FileManager.default.fileExists(atPath: folder.settings) else {
      throw RunError(
        code: "replay.no-settings", message: "\(folder.path) holds no settings.json, which says how the run trained",
        advice: "give the run.folder of a run that sophia train or sophia demo started")
    }
    return try LoadedSettings.read(folder.settings).settings
  }

  private func lastStep(_ reader: RunReader) throws -> UInt32 {
    guard let last = try reader.latestStep()?.step else {
      throw RunError(
        code: "replay.no-step", message: "the run in \(folder.path) has not trained a step yet",
        advice: "wait until it has: sophia report shows how far it is")
    }
    let wanted = until ?? last
    guard wanted <= last else {
      throw RunError(
        code: "replay.no-step", message: "the run in \(folder.path) has come to step \(last), not to step \(wanted)",
        advice: "give a step up to \(last), or wait for the run")
    }
    return wanted
  }

  private func training(
    of number: UInt32, _ reader: RunReader
  ) throws -> (step: RunReader.Step, groups: [ScoredGroup]) {
    guard let (step, groups) = try reader.training(of: number) else {
      throw RunError(
        code: "replay.went-back", message: "step \(number) is no longer in the journal: the learner went back to a checkpoint",
        advice: "replay again when the run has come past that step")
    }
    guard groups.count == step.groups else {
      let earlier = number > 1 ? "; --until \(number - 1) replays the steps before it" : ""
      throw RunError(
        code: "replay.groups-missing",
        message: "the journal holds \(groups.count) of the \(step.groups) groups that step \(number) trained",
        advice: "replay needs the groups of every step" + earlier)
    }
    return (step, groups)
  }

  /// Data that has changed is told apart from a policy that has.
  private func check(_ group: ScoredGroup, against catalogue: RowCatalogue) throws {
    guard group.unit.prompt < catalogue.count, try catalogue.task(of: group.unit.prompt).digest == group.taskDigest else {
      throw RunError(
        code: "replay.other-rows",
        message: "row \(group.unit.prompt) of the training data is not the one that unit \(group.unit) was sampled for",
        advice: "restore data.trainFiles and their images as they were when the run began")
    }
  }
}

/// A step that, trained again, made another policy than it did in the run.
package struct ReplayDifference: ActionableError {
  package let step: UInt32
  /// `WeightManifest.digest` that the journal has, and that was found now.
  package let recorded: SHA256Digest
  package let found: SHA256Digest
  /// What the step trained, in order.
  package let units: [String]

  package var code: String { "replay.differs" }
  package var message: String {
    "step \(step) makes policy \(found) where the journal has \(recorded); it trained units \(units.joined(separator: ", "))"
  }
  package var advice: String {
    "a group of that step has changed since, or the base policy, the build, libtorch or the kind of processor is another"
  }
}
