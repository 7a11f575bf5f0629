import Foundation
import Glibc
import Testing

@testable import FaultProxy

/// Found out once: it takes a moment.
private let obstacle = NamespaceHosts.obstacle()

@Suite(
  "hosts in network namespaces", .serialized,
  .enabled(if: obstacle == nil, "this user or machine cannot have them: \(obstacle?.description ?? "")"))
struct NamespaceTests {
  @Test("reach one another at their addresses, and leave the machine's own network as it is")
  func reach() throws {
    let before = try NetworkTool.ip.run(["address"]) + NetworkTool.ip.run(["route"])
    let hosts = try NamespaceHosts(["learner", "w0"])
    #expect(try hosts.address(of: "learner") == "10.213.0.1")
    let server = try Program(hosts, "learner", Perl.acceptAndCount)
    #expect(server.line() == "ready")
    let client = try Program(hosts, "w0", Perl.send, "10.213.0.1", "100000")
    #expect(client.line() == "sent")
    #expect(server.line() == "100000")
    #expect(try NetworkTool.ip.run(["address"]) + NetworkTool.ip.run(["route"]) == before)
    try hosts.destroy()
  }

  @Test("have a slow cable when told so, and a fast one again once healed")
  func rate() throws {
    let hosts = try NamespaceHosts(["learner", "w0"])
    func time() throws -> Duration {
      let server = try Program(hosts, "learner", Perl.acceptAndCount)
      #expect(server.line() == "ready")
      return try elapsed {
        let client = try Program(hosts, "w0", Perl.send, "10.213.0.1", "600000")
        #expect(client.line() == "sent")
        #expect(server.line() == "600000")
      }
    }
    try hosts.setRate("w0", bytesPerSecond: 400_000)
    let slow = try time()
    #expect(slow > .milliseconds(1200) && slow < .seconds(4))
    try hosts.heal("w0")
    #expect(try time() < .milliseconds(1200))
    try hosts.setRate("learner", bytesPerSecond: 400_000)
    #expect(try time() > .milliseconds(1200))
    try hosts.destroy()
  }

  @Test("lose what they send, or what they get, and not the other", arguments: LinkDirection.allCases)
  func oneWayCut(direction: LinkDirection) throws {
    let hosts = try NamespaceHosts(["learner", "w0"])
    let (learner, worker) = (try Program(hosts, "learner", Perl.datagrams), try Program(hosts, "w0", Perl.datagrams))
    #expect(learner.line() == "ready")
    #expect(worker.line() == "ready")
    func arrives(from sender: Program, at receiver: Program, _ address: String, _ text: String) -> Bool {
      sender.say("\(address) \(text)")
      return receiver.line(within: .milliseconds(300)) == text
    }
    #expect(arrives(from: worker, at: learner, "10.213.0.1", "before"))
    #expect(arrives(from: learner, at: worker, "10.213.0.2", "before"))
    try hosts.cut("w0", direction)
    #expect(arrives(from: worker, at: learner, "10.213.0.1", "during") == (direction == .toClient))
    #expect(arrives(from: learner, at: worker, "10.213.0.2", "during") == (direction == .toServer))
    #expect(try hosts.packetsDropped("w0", direction) >= 1)
    #expect(try hosts.packetsDropped("w0", direction.opposite) == 0)
    try hosts.heal("w0")
    #expect(arrives(from: worker, at: learner, "10.213.0.1", "after"))
    #expect(arrives(from: learner, at: worker, "10.213.0.2", "after"))
    #expect(try hosts.packetsDropped("w0", direction) >= 1)
    try hosts.destroy()
  }

  @Test("are cut off when the cable is pulled out, and are back when it is in again")
  func cable() throws {
    let hosts = try NamespaceHosts(["learner", "w0"])
    try hosts.setLink("w0", isUp: false)
    let server = try Program(hosts, "learner", Perl.acceptAndCount)
    #expect(server.line() == "ready")
    let client = try Program(hosts, "w0", Perl.send, "10.213.0.1", "1")
    #expect(client.line(within: .milliseconds(500)) != "sent")
    client.end()
    try hosts.setLink("w0", isUp: true)
    let again = try Program(hosts, "w0", Perl.send, "10.213.0.1", "1000")
    #expect(again.line() == "sent")
    try hosts.destroy()
  }

  @Test("are gone once destroyed, with what runs on them, and may be destroyed again")
  func destroy() throws {
    let hosts = try NamespaceHosts(["learner", "w0"])
    let names = hosts.hosts.values.map(\.name) + [hosts.hub]
    #expect(names.filter(\.exists) == names)
    let program = try Program(hosts, "w0", "print qq(ready\\n); sleep 60")
    #expect(program.line() == "ready")
    try hosts.destroy()
    try hosts.destroy()
    #expect(names.filter(\.exists) == [])
    #expect(program.hasEnded(within: .seconds(2)))
  }

  @Test("of a process that no longer lives are swept away, and those of others are not")
  func sweep() throws {
    let dead = Process()
    dead.executableURL = URL(fileURLWithPath: "/bin/true")
    try dead.run()
    dead.waitUntilExit()
    let leftover = NamespaceName(process: dead.processIdentifier, set: 1, host: "w-0")
    try NetworkTool.ip.run(["netns", "add", leftover.text])
    let hosts = try NamespaceHosts(["w0"])
    #expect(try NamespaceHosts.sweep().contains(leftover.text))
    #expect(!leftover.exists)
    #expect(hosts.hub.exists)
    try hosts.destroy()
    #expect(!hosts.hub.exists)
  }

  @Test("have names that work in commands", arguments: ["", "W0", "a b", "../x", "hub", String(repeating: "a", count: 61)])
  func badName(name: String) throws {
    let error = #expect(throws: FaultProxyError.self) { try NamespaceHosts(["w0", name]) }
    #expect(error?.code == "fault-proxy.bad-host")
  }

  @Test("are named in the error when there is no such one")
  func unknownHost() throws {
    let hosts = try NamespaceHosts(["w0", "w1"])
    let error = #expect(throws: FaultProxyError.self) { try hosts.cut("w2", .toServer) }
    #expect(error?.code == "fault-proxy.unknown-host")
    #expect(error?.advice == "hosts are w0, w1")
    try hosts.destroy()
  }
}

@Suite("what hosts in network namespaces need")
struct NamespaceNeedsTests {
  @Test("root, which is said in the error")
  func root() {
    #expect((#expect(throws: FaultProxyError.self) { try NamespaceHosts.checkUser(1000) })?.code == "fault-proxy.not-root")
  }

  @Test("programs, whose package is said in the error")
  func tools() {
    let error = #expect(throws: FaultProxyError.self) { try NetworkTool.nft.path(in: ["/nowhere"]) }
    #expect(error?.code == "fault-proxy.tool-missing")
    #expect(error?.advice.contains("nftables") == true)
  }

  @Test("names that tell the process", arguments: ["sophia-1234-2-w-0", "sophia-1-1-hub"])
  func names(text: String) throws {
    #expect(try #require(NamespaceName(text)).text == text)
  }

  @Test("names that are not others'", arguments: ["other", "sophia-x-1-w0", "sophia-0-1-w0", "sophia-12", "sophia--1-1-w0"])
  func others(text: String) {
    #expect(NamespaceName(text) == nil)
  }
}

/// What runs on hosts. Perl, because Debian is never without.
private enum Perl {
  static let acceptAndCount = """
    use IO::Socket::INET; $s = IO::Socket::INET->new(Listen => 1, LocalPort => 7000, ReuseAddr => 1) or die;
    print "ready\\n"; $c = $s->accept; while (sysread($c, $b, 65536)) { $n += length $b } print "$n\\n";
    """
  static let send = """
    use IO::Socket::INET; $s = IO::Socket::INET->new(PeerAddr => "$ARGV[0]:7000", Timeout => 5) or die;
    print $s "x" x $ARGV[1]; close $s; print "sent\\n";
    """
  /// Sends each line it is told to the address at its beginning, and prints each that it gets.
  static let datagrams = """
    use IO::Socket::INET; use Socket; $s = IO::Socket::INET->new(LocalPort => 7000, Proto => "udp") or die;
    if (!fork) { while (1) { $s->recv($b, 1000); print "$b\\n" } }
    print "ready\\n"; while (<STDIN>) { ($a, $t) = /(\\S+) (\\S+)/; send $s, $t, 0, sockaddr_in(7000, inet_aton($a)) }
    """
}

/// A Perl program on a host.
private final class Program {
  private let process = Process()
  private let (input, output) = (Pipe(), Pipe())
  private var printed: [UInt8] = []

  init(_ hosts: NamespaceHosts, _ host: String, _ text: String, _ arguments: String...) throws {
    let argv = try hosts.command(in: host, ["/usr/bin/perl", "-e", "$| = 1; " + text] + arguments)
    process.executableURL = URL(fileURLWithPath: argv[0])
    process.arguments = Array(argv.dropFirst())
    (process.standardInput, process.standardOutput) = (input, output)
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  deinit { end() }

  func end() {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }

  func say(_ line: String) { input.fileHandleForWriting.write(Data((line + "\n").utf8)) }

  /// - Returns: the next line that it prints, nil if none comes in time.
  func line(within time: Duration = .seconds(10)) -> String? {
    let deadline = ContinuousClock.now + time
    while true {
      if let end = printed.firstIndex(of: 10) {
        defer { printed.removeFirst(end + 1) }
        return String(decoding: printed[..<end], as: UTF8.self)
      }
      let left = deadline - .now
      guard left > .zero else { return nil }
      var wait = pollfd(fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&wait, 1, Int32(left / .milliseconds(1)) + 1) > 0 else { continue }
      let data = output.fileHandleForReading.availableData
      if data.isEmpty { return nil }
      printed += data
    }
  }

  func hasEnded(within time: Duration) -> Bool {
    let deadline = ContinuousClock.now + time
    while process.isRunning, ContinuousClock.now < deadline { usleep(5000) }
    return !process.isRunning
  }
}
