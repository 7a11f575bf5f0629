internal import ActionableErrors
internal import ArgumentParser
internal import Dashboard
internal import Rollout
internal import Runs

/// How a command that only looks reaches the learner.
struct ObserverArguments: ParsableArguments {
  @Option(help: "Where the learner listens: tcp://HOST:PORT.")
  var join: String

  @Option(help: "An invite for an observer (`sophia keys invite NAME --role observer`), or a folder with its key and learner.pub.")
  var keys: String

  @Option(help: "The name of the observer's key in that folder; not with an invite.")
  var name: String?

  @Option(help: "Seconds in which the learner has to answer.")
  var timeout = 10.0

  func validate() throws {
    guard timeout.isFinite, 0.1...3600 ~= timeout else { throw ValidationError("--timeout is \(timeout); give 0.1 to 3600") }
  }

  func watch() async throws -> ClusterWatch {
    try await ClusterWatch(join: join, keys: keys, name: name, timeout: .seconds(timeout))
  }
}

extension ClusterWatch: ClusterObserver {}
