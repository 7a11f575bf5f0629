internal import ArgumentParser
internal import Foundation
internal import Limits
internal import Rollout
internal import Runs

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "How fast the parts of the system are on this machine.",
    subcommands: [
      GenerateBenchCommand.self, TrainBenchCommand.self, BroadcastBenchCommand.self, TransportBenchCommand.self,
      LedgerBenchCommand.self, ScaleBenchCommand.self, SimulateBenchCommand.self, RewardsBenchCommand.self,
      ScalePartCommand.self,
    ])
}

struct BroadcastBenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "broadcast",
    abstract: "How fast new weights reach workers, and what share of them a delta sends.",
    discussion: """
      One version of the weights goes from a learner to workers, all in this process, through the services and sockets of \
      a run over TCP on loopback, until the last worker has checked every tensor's hash: their first version, and a \
      later one, which they collect in memory of their own. For comparison the same bytes go \
      to as many receivers over plain libzmq PUSH and PULL sockets, without and with receivers that put the bytes in place \
      and hash them; each with and without CURVE. What the cores allow is the plain transfer and, for each worker, one \
      copy and one hash of the bytes.

      Deltas are of simulated weights: drawn from N(0, 0.02) in float32, moved by the learning rate up or down as AdamW's \
      first step does, and for bf16 rounded to the nearest. With --run, of the two newest checkpoints of a run too.

        sophia bench broadcast
        sophia bench broadcast --megabytes 64 --workers 2 --json
        sophia bench broadcast --run runs/demo
      """)

  @Option(help: "Size of the version, in MiB.")
  var megabytes = 1024

  @Option(help: "Workers to reach.")
  var workers = 4

  @Option(help: "Bytes of a chunk.")
  var chunk = Limits.standard.messages.chunk

  @Option(help: "Chunks that a worker may have asked for at once.")
  var window = Limits.standard.messages.window

  @Option(name: .customLong("run"), help: "Run folder whose two newest checkpoints are compared too.")
  var runFolder: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    for (name, value, limit) in [
      ("megabytes", megabytes, Limits.standard.messages.artifact >> 20), ("workers", workers, 64),
      ("chunk", chunk, Limits.standard.messages.chunk), ("window", window, Limits.standard.messages.window),
    ] where value < 1 || value > limit {
      throw ValidationError("--\(name) is \(value); give 1 to \(limit)")
    }
  }

  private struct Results: Encodable {
    let megabytes: Int
    let workers: Int
    let broadcast: [BroadcastBenchmark.Measurement]
    let costs: BroadcastCosts
    let deltas: [DeltaBenchmark.Measurement]
  }

  func run() async throws {
    var broadcast = BroadcastBenchmark()
    broadcast.byteCount = megabytes << 20
    broadcast.workers = workers
    broadcast.transfer.chunk = chunk
    broadcast.transfer.window = window
    let measured = try await broadcast.run { FileHandle.standardError.write(Data("measuring \($0)\n".utf8)) }
    let costs = BroadcastCosts.measured(chunk: chunk)
    let benchmark = DeltaBenchmark()
    var deltas = benchmark.simulated()
    if let runFolder { deltas.append(try benchmark.checkpoints(of: RunFolder(runFolder))) }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      let results = Results(megabytes: megabytes, workers: workers, broadcast: measured, costs: costs, deltas: deltas)
      return try printLine(String(decoding: try encoder.encode(results), as: UTF8.self))
    }
    try show(measured, costs)
    try explain(costs)
    try show(deltas)
  }

  private func show(_ measured: [BroadcastBenchmark.Measurement], _ costs: BroadcastCosts) throws {
    try printLine("\(megabytes) MiB to each of \(workers) workers; MB/s is that of all together")
    for curve in [false, true] {
      let plain = measured.first { $0.curve == curve && $0.way == .plain }
      for one in measured where one.curve == curve {
        let share = plain.map { String(format: "%3.0f %% of plain", 100 * one.megabytesPerSecond / $0.megabytesPerSecond) } ?? ""
        let name = one.way.rawValue.padding(toLength: 24, withPad: " ", startingAt: 0)
        let numbers = String(
          format: "%7.0f MB/s  %6.2f s  %6.2f core-seconds  ", one.megabytesPerSecond, one.seconds, one.coreSeconds)
        try printLine("  \(curve ? "with CURVE   " : "without CURVE")  \(name)\(numbers)\(share)")
      }
      guard let plain else { continue }
      let (fresh, used) = (costs.bound(besides: plain, isFresh: true), costs.bound(besides: plain, isFresh: false))
      try printLine(
        String(format: "                 these cores allow %.0f MB/s into fresh memory, %.0f MB/s into memory in use", fresh, used))
    }
  }

  private func explain(_ costs: BroadcastCosts) throws {
    try printLine(
      String(
        format: "one core takes for a GiB: %.2f s to copy, %.2f s to copy into fresh memory, %.2f s to hash", costs.copy,
        costs.copyIntoFreshMemory, costs.hash))
  }

  private func show(_ deltas: [DeltaBenchmark.Measurement]) throws {
    try printLine("share of the weights that a delta sends; speed by bytes of weights")
    for one in deltas {
      let megabytes = Double(one.bytes) * 1e-6
      let name = one.weights.padding(toLength: max(40, one.weights.count), withPad: " ", startingAt: 0)
      let apply = one.secondsToApply.map { String(format: ", applied and checked at %.0f MB/s", megabytes / $0) } ?? ""
      let made = String(format: "%5.1f %%  of %.1f MB, made at %.0f MB/s", 100 * one.share, megabytes, megabytes / one.secondsToMake)
      try printLine("  \(name)\(made)\(apply)")
    }
  }
}
