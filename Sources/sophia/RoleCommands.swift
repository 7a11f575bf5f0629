internal import ArgumentParser
internal import Foundation
internal import Limits
internal import Rollout
internal import Runs

struct JoinArguments: ParsableArguments {
  @Option(help: "Where the learner listens: tcp://HOST:PORT.")
  var join: String

  @Option(help: "An invite (`sophia keys invite`), or a folder with this process's key and learner.pub.")
  var keys: String

  @Option(help: "The name of this process's key in that folder, such as worker-0; not with an invite.")
  var name: String?

  @Option(help: "Folder for the model files that the learner sends; processes and runs may share one.")
  var cache = "\(NSHomeDirectory())/.cache/sophia"

  @Option(help: "Threads for tensors.")
  var threads = 1

  @Option(help: "Device for tensors, cpu or cuda, if it is another than the run's model.device. Other devices round otherwise.")
  var device: String?

  @Option(help: "Seconds without a word from the learner after which this process ends.")
  var giveUpAfter = 60.0

  @Option(help: "File in which to say once a second how this process is, for `sophia doctor --role`.")
  var status: String?

  @Option(help: ArgumentHelp("End when this process is gone.", visibility: .hidden))
  var parent: Int32?

  func options(model: String?) -> JoinOptions {
    JoinOptions(
      learner: join, keys: keys, name: name, cache: cache, model: model, threads: threads, device: device,
      giveUpAfter: .seconds(giveUpAfter), status: status)
  }
}

struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker",
    abstract: "A rollout worker: generates groups of responses for the learner it joins.",
    discussion: """
      It is told where the learner is; model, tokenizer, settings and weights come from there. It may come and go while \
      the run goes on; Ctrl-C hands in what it has and says goodbye.

        sophia worker --join tcp://10.0.0.1:5555 --keys workers.invite
      """)

  @OptionGroup var joining: JoinArguments

  @Option(help: "Groups to generate at once.")
  var credit = 2

  @Option(help: "The policy's folder, if this machine has it: what is the same there is not fetched.")
  var model: String?

  func validate() throws {
    let limit = Limits.standard.messages.credit
    guard (1...limit).contains(credit) else { throw ValidationError("--credit is \(credit); give 1 to \(limit)") }
  }

  func run() async throws {
    let interruption = Interruption()
    let watch = joining.parent.map { parent in watchParent(parent) { Foundation.exit(1) } }
    defer { watch?.cancel() }
    finish(try await RoleProcess.worker(joining.options(model: model), credit: credit, interruption: interruption))
  }
}

struct ScorerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scorer",
    abstract: "A reward scorer: grades groups by rule and by the thinking-reward model.",
    discussion: """
        sophia scorer --join tcp://10.0.0.1:5555 --keys scorers.invite --bind tcp://0.0.0.0:5600
      """)

  @OptionGroup var joining: JoinArguments

  @Option(help: "Where workers push groups: tcp://ADDRESS:PORT that they can reach; port 0 takes any free one.")
  var bind = "tcp://127.0.0.1:0"

  @Option(help: "The thinking-reward model's folder, if this machine has it: what is the same there is not fetched.")
  var thinkingModel: String?

  @Option(help: "Where workers reach that if not there, as behind address translation: tcp://ADDRESS:PORT.")
  var advertise: String?

  func run() async throws {
    let interruption = Interruption()
    let watch = joining.parent.map { parent in watchParent(parent) { Foundation.exit(1) } }
    defer { watch?.cancel() }
    finish(try await RoleProcess.scorer(joining.options(model: thinkingModel), bind: bind, advertised: advertise, interruption: interruption))
  }
}

struct LearnerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "learner",
    abstract: "The learner of a run: leases prompts, trains the policy, broadcasts its weights.",
    discussion: """
      Takes the settings that `sophia train` takes and waits for scorers and workers. Goes on from the newest good \
      checkpoint if the run folder holds one.

        sophia learner run.yaml --bind tcp://10.0.0.1:5555 --keys keys

      It listens on three ports: that one, for all that is said; the next, for word of new weights; and the one after that, for \
      scored groups. With port 0 they are any free ones.
      """)

  @Argument(help: "Settings, YAML or JSON; then key=value pairs that change them.")
  var config: [String]

  @Option(help: "Where to listen: tcp://ADDRESS:PORT; port 0 takes any free one.")
  var bind: String?

  @Option(help: "Folder with the learner's key and the file of allowed ones; RUN/keys if absent.")
  var keys: String?

  @Option(help: "File in which to say once a second how the learner is, for `sophia doctor --role`.")
  var status: String?

  @Flag(help: "Replace a learner that hangs: it is shut out of the journal at its next record, whenever that is.")
  var takeOver = false

  @Option(help: ArgumentHelp("End when this process is gone.", visibility: .hidden))
  var parent: Int32?

  func run() async throws {
    let settings = try readSettings(config)
    let interruption = Interruption()
    let watch = parent.map { parent in watchParent(parent) { Foundation.exit(1) } }
    defer { watch?.cancel() }
    let end = try await RoleProcess.learner(
      settings, bind: bind ?? settings.cluster.bind, keys: keys ?? RunFolder(settings.run.folder).keys, takingOver: takeOver,
      status: status, interruption: interruption)
    finish(end)
  }
}

/// Ends the process with the exit code for the way its role ended.
///
/// At once: the engine may be in a step that nobody waits for any more, and `exit` would take libtorch and OpenSSL from
/// under it, so that a learner that stops for a good reason would seem to have crashed.
private func finish(_ end: RunEnd) -> Never {
  switch end {
  case .completed:
    logLine(.info, "done")
    _exit(0)
  case .interrupted(let reason):
    logLine(.info, "stopped: \(reason)")
    _exit(RunExit.interrupted)
  case .stalled(let reason):
    logLine(.error, "stopped: \(reason)")
    _exit(RunExit.stalled)
  case .abandoned(let reason):
    logLine(.info, "\(reason); wanted again when the learner goes on")
    _exit(RunExit.abandoned)
  case .failed(let reason):
    logLine(.error, reason)
    _exit(1)
  case .misconfigured(let reason):
    logLine(.error, reason)
    _exit(RunExit.misconfigured)
  }
}
