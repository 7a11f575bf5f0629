internal import ArgumentParser
internal import Dashboard
internal import Foundation
internal import Rollout
internal import Runs

struct TopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top",
    abstract: "Shows a cluster at work: the learner, what it waits for, and every worker and scorer.",
    discussion: """
        sophia top --join tcp://10.0.0.1:5555 --keys eyes.invite

      Keys: n s v t i h sort by name, state, staleness, tokens a second, idle share, last heard; r reverses; w c a show workers, \
      scorers, all; / filters; arrows and pages scroll; u shows what happened to one unit of work; ? helps; q quits. It only \
      looks: nothing in the run depends on it, and it goes on when the learner is back.

      Where there is no terminal it prints the same once, as with --once. With --json it prints one line, an object with

      \(ClusterJSON.keys)

      If the learner does not answer within --timeout, --once and --json end with code 1.
      """)

  @OptionGroup var observer: ObserverArguments

  @Flag(help: "Print what is to be seen now, all rows, and end.")
  var once = false

  @Flag(help: "Print it once as a JSON object.")
  var json = false

  @Option(help: "Sort by \(ClusterOrder.Key.allCases.map(\.rawValue).joined(separator: ", ")).")
  var sort = ClusterOrder.Key.name

  @Flag(help: "The other way round.")
  var reverse = false

  func run() async throws {
    let watch = try await observer.watch()
    do {
      if once || json || !RawTerminal.isThere {
        try await printOnce(watch)
      } else {
        await show(watch)
      }
    } catch {
      await watch.close()
      throw error
    }
    await watch.close()
  }

  private func printOnce(_ watch: ClusterWatch) async throws {
    let snapshot = try await watch.cluster()
    if json { return try printLine(try ClusterJSON(snapshot, at: Date().timeIntervalSince1970).text()) }
    let output = DescriptorOutput(descriptor: RawTerminal.output)
    // A file has room for whole names.
    let columns = output.isTerminal ? output.columns : nil
    for line in ClusterView.wholeText(of: snapshot, order: order, columns: columns) {
      try printLine(line.text(color: false, unicode: output.usesUnicode))
    }
  }

  private func show(_ watch: ClusterWatch) async {
    let live = LiveCluster(observer: watch)
    Interruption().onRequest { _ in live.stop() }
    await live.run(ClusterView(learner: observer.join, order: order, at: Date().timeIntervalSince1970))
  }

  private var order: ClusterOrder { ClusterOrder(sort, isReversed: reverse) }
}

extension ClusterOrder.Key: ExpressibleByArgument {}
