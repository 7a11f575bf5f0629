internal import ActionableErrors
internal import ArgumentParser
internal import Foundation
internal import Runs
internal import Simulator

struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "A whole cluster from one seed: the roles of a run on a virtual clock, with faults, in one thread.",
    discussion: """
      The learner, scorers and workers are those of a real run; network, disk, clocks and engines are simulated, and every \
      message crosses as the bytes that a real one has. Everything follows from the seed. After each event it is checked \
      that nothing is lost, trained twice, acknowledged before it is durable, or too old; once the faults are over the run \
      has to end, and a synchronous one on the policy of an undisturbed run, bit for bit.

        sophia simulate --seed 7                          one run, with the faults that seed 7 draws
        sophia simulate --seed 7 --trace worker-3         what happened to worker-3
        sophia simulate --seed 7 --trace 0/12             what happened to row 12 in epoch 0
        sophia simulate --seeds 10000 --jobs 2            ten thousand seeds, two at a time
        sophia simulate --faults kill:learner@12.5,partition:worker-0@3+20
        sophia simulate --list-faults                     what can go wrong
        sophia simulate --calibrate runs/demo --plot plan.html
                                                          what more workers would bring
        sophia simulate --day 10000                       whether a day of so many workers is sound
        sophia simulate --predict --tokens-per-second 2500 --response-tokens 600 --model-bytes 15e9 --link 1.25e9 \
          --training-seconds 0.4 --set promptsPerStep=512 --set groupSize=8 --scorers 8

      A fault is KIND:PROCESS@SECONDS, then +SECONDS that it lasts and *STRENGTH from 0 to 1 where they matter. A seed that \
      breaks an invariant is shown with a shortened plan that still does, and with the command that repeats it.

      Exit code 0 if everything holds, 1 if an invariant does not or a kind of fault never acted in a sweep, 75 if it was \
      interrupted.
      """)

  @Option(help: "Everything that happens follows from it.")
  var seed: UInt64 = 0

  @Option(help: "How many seeds to run, from --seed on.")
  var seeds: UInt64?

  @Option(help: "Seeds to run at a time; as many as there are cores if absent.")
  var jobs: Int?

  @Option(help: "Workers.")
  var workers = SimulationOptions().workers

  @Option(help: "Scorers.")
  var scorers = SimulationOptions().scorers

  @Option(help: "Training steps.")
  var steps = SimulationOptions().steps

  @Option(
    name: .customLong("staleness"),
    help: "Versions that a sample may lag behind; drawn from the seed if absent, unless there are no faults. For a prediction a list: 0,1,2.")
  var stalenessList: String?

  /// Of a run or a sweep.
  private var staleness: Int? { stalenessList.flatMap { Int($0) } }

  @Option(help: "Exactly these faults instead of those of the seed: KIND:PROCESS@SECONDS[+SECONDS][*STRENGTH],...")
  var faults: String?

  @Option(help: "Draw from these kinds of faults only: KIND,...")
  var kinds: String?

  @Flag(inversion: .prefixedNo, help: "Draw a subset of the kinds, their strengths and some settings for each seed; otherwise every kind acts.")
  var swarm = true

  @Flag(help: "No faults.")
  var undisturbed = false

  @Option(name: .customLong("set"), help: "Turn a knob: NAME=VALUE; may be repeated.")
  var knobs: [String] = []

  @Option(help: "Tell the story of a process (worker-3), of a unit of work (EPOCH/ROW), or all.")
  var trace: String?

  @Option(help: "A day of a large run with this many workers and no faults: minutes a group, as many prompts a step as workers.")
  var day: Int?

  @Flag(help: "Show every knob with its value.")
  var listKnobs = false

  @Flag(help: "Show every kind of fault.")
  var listFaults = false

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup(title: "Prediction")
  var prediction: PredictArguments

  func run() async throws {
    if listFaults {
      let width = FaultKind.allCases.map(\.rawValue.count).max() ?? 0
      return try printLine(
        FaultKind.allCases.map { "\($0.rawValue.padding(toLength: width, withPad: " ", startingAt: 0))  \($0.meaning)" }
          .joined(separator: "\n"))
    }
    if let day, !listKnobs { return try SimulatedDay(workers: day, seed: seed).run { try SimulationKnobs.turn($0, knobs) } }
    if prediction.isWanted, !listKnobs { return try await predict() }
    if let stalenessList, staleness == nil {
      throw UsageError(message: "--staleness \(stalenessList) is no number", advice: "a list of several is for --predict")
    }
    let options = try resolved()
    if listKnobs {
      let table = try SimulationKnobs.table(options)
      let width = table.map(\.name.count).max() ?? 0
      return try printLine(
        table.map { "\($0.name.padding(toLength: width, withPad: " ", startingAt: 0))  \($0.value)" }.joined(separator: "\n"))
    }
    if let seeds { try await sweep(seeds, options) } else { try one(options) }
  }

  private func predict() async throws {
    var given = SimulationOptions()
    given.scorers = scorers
    let prediction = Predict(
      self.prediction, staleness: try PredictArguments.list(stalenessList ?? "0,1,2", "staleness", 0...64),
      jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount, json: json, seed: seed)
    try await prediction.run(given) { try SimulationKnobs.turn($0, knobs) }
  }

  // MARK: What is run

  private func resolved() throws -> SimulationOptions {
    var options = SimulationOptions()
    options.workers = workers
    options.scorers = scorers
    options.steps = steps
    if let staleness { options.staleness = staleness }
    if let kinds {
      options.faults.kinds = try kinds.split(separator: ",").map { name in
        guard let kind = FaultKind(rawValue: String(name)) else {
          throw UsageError(message: "there is no kind of fault \(name)", advice: "`sophia simulate --list-faults` shows all")
        }
        return kind
      }
    }
    if !swarm || kinds != nil { options.faults.share = 1 }
    options = try SimulationKnobs.turn(options, knobs)
    if undisturbed { options.faults = .none }
    if let wrong = options.contradiction { throw UsageError(message: wrong, advice: "`sophia simulate --list-knobs` shows all knobs") }
    return options
  }

  /// What `seed` is run with.
  private func settings(_ options: SimulationOptions) -> @Sendable (UInt64) -> SimulationOptions {
    let isVaried = swarm && !undisturbed && faults == nil
    let (staleness, keepsShare) = (staleness, kinds != nil)
    return { seed in
      guard isVaried else { return options }
      var varied = options.varied(by: seed)
      if let staleness { varied.staleness = staleness }
      if keepsShare { varied.faults.share = options.faults.share }
      return varied
    }
  }

  private func plan(_ options: SimulationOptions, _ seed: UInt64) throws -> [PlannedFault] {
    guard let faults else { return FaultPlan(seed: seed, options: options).drawn() }
    return try faults.split(separator: ",").map { word in
      guard let fault = PlannedFault(word) else {
        throw UsageError(
          message: "\(word) is no fault: KIND:PROCESS@SECONDS[+SECONDS][*STRENGTH]",
          advice: "write, for instance, kill:worker-3@12.5 or partition:learner@3+20; `sophia simulate --list-faults` shows the kinds")
      }
      guard fault.kind == .poison || options.hasProcess(fault.target) else {
        throw UsageError(
          message: "\(word): there is no process \(fault.target)",
          advice: "name learner, worker-0 to worker-\(options.workers - 1) or scorer-0 to scorer-\(options.scorers - 1)")
      }
      return fault
    }
  }

  // MARK: One seed

  private func one(_ base: SimulationOptions) throws {
    let options = settings(base)(seed)
    let plan = try plan(options, seed)
    let simulation = Simulation(seed: seed, options: options, plan: plan)
    if let trace {
      guard let story = Story(of: trace) else {
        throw UsageError(
          message: "--trace \(trace) is neither a process nor a unit of work",
          advice: "give worker-3, scorer-0, learner, a unit as EPOCH/ROW, or all")
      }
      simulation.story = story
    }
    var report = simulation.run()
    // The same seed has to give the same run.
    let again = Simulation(seed: seed, options: options, plan: plan).run()
    if again.traceHash != report.traceHash {
      report.violations.append(Violation("S14", "the same seed gave another run the second time"))
    }
    let output = SimulateOutput(command: command(options))
    if !json, let lines = simulation.story?.lines { try printLine(lines.joined(separator: "\n")) }
    try printLine(json ? output.object(report).serialized : output.text(report, plan))
    guard let violation = report.violations.first else { return }
    if !json { try printLine(output.advice(seed, shortened(plan, options, violation, seed))) }
    throw ExitCode.failure
  }

  private func shortened(
    _ plan: [PlannedFault], _ options: SimulationOptions, _ violation: Violation, _ seed: UInt64
  ) -> [PlannedFault] {
    var shortening = PlanShortening(seed: seed, options: options, invariant: violation.invariant)
    return shortening.shorten(plan)
  }

  /// The arguments that lead to the same options, without seed and faults.
  private func command(_ options: SimulationOptions) -> @Sendable (UInt64) -> String {
    let base = "sophia simulate --workers \(workers) --scorers \(scorers) --steps \(steps)"
    let knobs = self.knobs
    let swarmed = settings((try? resolved()) ?? options)
    return { seed in
      let options = swarmed(seed)
      var words = [base, "--seed \(seed)", "--staleness \(options.staleness)"]
      words += knobs.map { "--set \($0)" }
      let varied = [
        "credit=\(options.credit)", "hedgeAfter=\(options.hedgeAfter.map { "\($0)" } ?? "none")",
        "checkpointEvery=\(options.checkpointEvery)", "keepCheckpoints=\(options.keepCheckpoints)",
        "keepsGroups=\(options.keepsGroups)", "reconnect=\(options.reconnect)",
        "goesOnWithoutService=\(options.goesOnWithoutService)",
      ]
      return (words + varied.map { "--set \($0)" }).joined(separator: " ")
    }
  }

  // MARK: Many seeds

  private func sweep(_ count: UInt64, _ options: SimulationOptions) async throws {
    guard faults == nil, trace == nil else {
      throw UsageError(message: "--faults and --trace are for one seed", advice: "leave out --seeds, or the other")
    }
    guard count > 0, count <= UInt64.max - seed, jobs ?? 1 >= 1 else {
      throw UsageError(message: "--seeds \(count) --jobs \(jobs ?? 1) is nothing to run", advice: "give 1 or more of both")
    }
    let interruption = Interruption()
    let settings = settings(options)
    let sweep = Sweep(jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount, options: settings)
    let progress = SweepProgress(total: count, isShown: isatty(STDERR_FILENO) == 1)
    let summary = await sweep.run(
      seeds: seed..<seed + count, shouldStop: { interruption.isRequested }, progress: { progress.show($0) })
    progress.finish()
    let wanted = swarm && count < 200 ? [] : options.faults.kinds
    let output = SimulateOutput(command: command(options))
    try printLine(json ? output.object(summary, wanted).serialized : output.text(summary, wanted, progress.seconds))
    if !json {
      for failure in summary.failures.prefix(3) {
        try printLine(
          output.advice(failure.seed, shortened(failure.plan, settings(failure.seed), failure.violation, failure.seed)))
      }
    }
    if interruption.isRequested, !json { try printLine("interrupted  after \(summary.seeds) of \(count) seeds") }
    if interruption.isRequested { throw ExitCode(RunExit.interrupted) }
    if !summary.failures.isEmpty || !summary.missing(of: wanted).isEmpty { throw ExitCode.failure }
  }
}
