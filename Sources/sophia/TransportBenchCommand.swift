internal import ArgumentParser
internal import Foundation
internal import Limits
internal import Rollout
internal import Runs

struct TransportBenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transport",
    abstract: "Messages a second over a run's sockets, with CURVE and without.",
    discussion: """
      From a worker's end to a learner's in this process, over TCP on loopback: the same sockets and checks of the sender's key as \
      in a run. Without CURVE there is no such switch in a run; it shows what CURVE costs.

        sophia bench transport
        sophia bench transport --sizes 1024 1048576 --json
      """)

  @Option(parsing: .upToNextOption, help: "Bytes of a message.")
  var sizes = TransportBenchmark().sizes

  @Option(help: "Seconds of each measurement.")
  var seconds = 2.0

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    let limit = Limits.standard.messages.control
    guard !sizes.isEmpty, sizes.allSatisfy({ 1...limit ~= $0 }) else { throw ValidationError("--sizes: give numbers from 1 to \(limit)") }
    guard 0.01...600 ~= seconds else { throw ValidationError("--seconds is \(seconds); give 0.01 to 600") }
  }

  func run() async throws {
    var benchmark = TransportBenchmark()
    benchmark.sizes = sizes
    benchmark.duration = .seconds(seconds)
    let measurements = try await benchmark.run { text in
      if isatty(STDERR_FILENO) == 1 { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
    }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      return try printLine(String(decoding: try encoder.encode(["measurements": measurements]), as: UTF8.self))
    }
    try printLine("CURVE     bytes   messages/s       MB/s   round trip")
    for measurement in measurements {
      try printLine(
        (measurement.curve ? "on   " : "off  ")
          + String(
            format: "%10d%13.0f%11.1f%10.0f us", measurement.messageBytes, measurement.messagesPerSecond,
            measurement.megabytesPerSecond, measurement.roundTripMicroseconds))
    }
  }
}
