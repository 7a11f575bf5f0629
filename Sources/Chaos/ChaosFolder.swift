internal import Runs

/// Where `sophia chaos` keeps what it makes.
package struct ChaosFolder: Sendable {
  package let path: String

  package init(_ path: String) {
    self.path = RunFolder(path).path
  }

  /// The built-in data and models that a plan without settings of its own is tried on.
  var world: String { "\(path)/world" }
  /// The run that nothing happens to, and what it was made with.
  var undisturbed: String { "\(path)/undisturbed" }
  var undisturbedKey: String { "\(path)/undisturbed.key" }
  package var disturbed: String { "\(path)/disturbed" }
  /// Tokens, clocks and the last will of a run that is under way.
  var state: String { "\(path)/state" }
  /// Logs of a run whose own file system may be full.
  var logs: String { "\(path)/logs" }
  /// The plan with nothing left open: to do the same again.
  package var plan: String { "\(path)/plan.yaml" }
  package var verdict: String { "\(path)/chaos.json" }
  package var page: String { "\(path)/chaos.html" }
}
