internal import ArgumentParser
internal import Foundation
internal import Runs

/// One process of `sophia bench scale`.
struct ScalePartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scale-part", abstract: "One process of `sophia bench scale`, which starts it.", shouldDisplay: false)

  @Argument(help: "Folder of the point that is measured.")
  var folder: String

  @Argument(help: "learner, scorer-N or worker-N.")
  var part: String

  func run() async throws {
    guard let part = ScalePart(part) else { throw ValidationError("\(part) is no part of the benchmark") }
    let parent = getppid()
    let watch = watchParent(parent) { Foundation.exit(1) }
    defer { watch.cancel() }
    try await ScaleBenchmark.run(part, folder: folder)
    // Threads of libzmq and of the pool may be at work still, and there is nothing left to say.
    _exit(0)
  }
}
