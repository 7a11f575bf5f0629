package import Cluster
package import Dashboard
internal import Rollout
internal import Runs
package import Settings

/// What a run on hosts of their own is made of.
package enum HostedRun {
  /// Of a run that takes seconds, on data and models that are made here.
  ///
  /// - Throws: `CancellationError` if `shouldStop` said so.
  package static func tinySettings(
    in folder: String, overrides: [String], _ progress: TerminalProgress, shouldStop: () -> Bool
  ) throws -> RunSettings {
    let folder = ChaosFolder(folder)
    let world = ChaosWorld(folder: folder.world)
    _ = try RunFolder(folder.path).open(as: "hosts")
    try world.make(progress, shouldStop: shouldStop)
    var settings = world.settings
    settings.run.folder = "\(folder.path)/run"
    return try LoadedSettings.parse(settings.json(), file: "the built-in settings", overrides: overrides).settings
  }

  /// The processes that a run starts.
  package static func processes(_ settings: RunSettings) -> [LocalProcess] {
    func made(_ role: Role, _ index: Int) -> LocalProcess { LocalProcess(role: role, index: index, arguments: [], environment: [:]) }
    return [made(.learner, 0)] + (0..<settings.cluster.scorers).map { made(.scorer, $0) }
      + (0..<settings.cluster.workers).map { made(.worker, $0) }
  }
}
