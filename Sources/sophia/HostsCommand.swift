internal import ArgumentParser
internal import Chaos
internal import Dashboard
internal import Foundation
internal import Runs

struct HostsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hosts",
    abstract: "A run on N hosts of their own: network namespaces of this machine, each with an address, a cable and a switch.",
    discussion: """
      What `sophia train` does, with the roles on different hosts: the learner on the first, scorers on the second, workers \
      on the others. Needs root, iproute2 and nftables, and leaves nothing behind. While it runs, the hosts can be entered, \
      slowed and cut off with the ordinary tools; their names are printed.

        sophia hosts 4                                    a tiny built-in run
        sophia hosts 4 run.yaml cluster.workers=6
        ip netns exec NAMESPACE ping 10.213.0.1
        ip -n NAMESPACE link set eth0 down                pulls its cable out
      """)

  @Argument(help: "Hosts, 1 or more; then settings as `sophia train` takes them.")
  var hosts: Int

  @Argument(help: "Settings, YAML or JSON; then key=value pairs that change them.")
  var config: [String] = []

  @Option(name: .customLong("run"), help: "Folder for the tiny run, if no settings are given.")
  var runFolder = "runs/hosts"

  func validate() throws {
    guard (1...200).contains(hosts) else { throw ValidationError("\(hosts) hosts; give 1 to 200") }
  }

  func run() async throws {
    let (progress, interruption) = (TerminalProgress(), Interruption())
    let settings =
      config.first.map { !$0.contains("=") } == true
      ? try readSettings(config)
      : try HostedRun.tinySettings(in: runFolder, overrides: config, progress) { interruption.isRequested }
    let folder = RunFolder(settings.run.folder)
    let wiring = try HostWiring(hosts: hosts, will: "\(folder.path).hosts")
    defer { wiring.close() }
    for (host, address, namespace) in wiring.table {
      let roles = HostedRun.processes(settings).filter { wiring.host(of: $0) == host }.map(\.name).joined(separator: " ")
      try printLine("\(host)  \(address)  ip netns exec \(namespace)  \(roles)")
    }
    let training = TrainingRun(
      settings: settings, executable: executable, progress: progress, interruption: interruption, wiring: wiring)
    let outcome = try await training.run()
    wiring.close()
    try goOnUnlessCompleted(outcome, "sophia " + CommandLine.arguments.dropFirst().joined(separator: " "))
    try conclude(RunReport.write(folder), folder)
  }
}
