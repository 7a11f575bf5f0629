import ActionableErrors
import FaultProxy
import Foundation
import Glibc
import Testing

@Suite("a clear link", .serialized)
struct ClearLinkTests {
  @Test("hands on what either side sends")
  func echo() throws {
    let scene = try Scene()
    scene.server.echo()
    let client = try scene.connect()
    for size in [1, 100, 70_000] {
      let message = pattern(size)
      #expect(client.send(message) == size)
      #expect(client.receive(exactly: size) == message)
    }
    #expect(scene.link.counts.connections == 1)
    #expect(scene.link.counts.bytesToServer == 70_101)
    #expect(scene.link.counts.bytesToClient == 70_101)
  }

  @Test("opens several ports, and a port that is open stays so")
  func severalPorts() throws {
    let scene = try Scene()
    let other = try TestServer()
    try scene.link.open(port: other.port)
    try scene.link.open(port: other.port)
    other.echo()
    scene.server.echo()
    for port in [scene.server.port, other.port] {
      let client = try TestSocket(connectingTo: scene.link.address, port: port)
      client.send([7])
      #expect(client.receive() == .bytes([7]))
    }
  }

  @Test("passes the end of one side on after the bytes before it, and the other side may still answer")
  func halfClose() throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    let question = pattern(300_000)
    let sent = inThread {
      client.send(question)
      client.finishSending()
    }
    let (bytes, outcome) = server.receiveAll()
    #expect(bytes == question)
    #expect(outcome == .end)
    server.send([1, 2, 3])
    server.close()
    let answer = client.receiveAll()
    #expect(answer.bytes == [1, 2, 3])
    #expect(answer.outcome == .end)
    try sent.wait()
    #expect(scene.link.counts.resets == 0)
  }

  @Test("passes a reset on")
  func passedReset() throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    client.send([1])
    #expect(server.receive() == .bytes([1]))
    client.closeAbruptly()
    #expect(server.receive() == .failed(ECONNRESET))
    #expect(scene.link.counts.resets == 0)
  }

  @Test("resets a client whose server is not there")
  func serverNotThere() throws {
    let scene = try Scene()
    scene.server.close()
    let client = try scene.connect()
    #expect(client.receive() == .failed(ECONNRESET))
    #expect(scene.link.counts.withoutServer == 1)
  }

  @Test("lets the server see the link's address as the peer's")
  func peerAddress() throws {
    let scene = try Scene()
    let (_, server) = try scene.pair()
    var (address, size) = (sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getpeername(server.descriptor, $0, &size) }
    }
    #expect(String(cString: inet_ntoa(address.sin_addr)) == scene.link.address)
  }

  @Test("carries many connections at once")
  func manyConnections() throws {
    let scene = try Scene()
    scene.server.echo()
    let clients = try (0..<200).map { _ in try scene.connect() }
    for (number, client) in clients.enumerated() { client.send(pattern(5000, from: number)) }
    for (number, client) in clients.enumerated() {
      #expect(client.receive(exactly: 5000) == pattern(5000, from: number))
    }
    #expect(scene.link.counts.connections == 200)
  }

  @Test("does not read on when the receiver does not")
  func backPressure() throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    client.patience(.milliseconds(300))
    let message = pattern(64 << 20)
    let sent = client.send(message)
    #expect(sent < message.count)
    #expect(server.receive(exactly: sent) == Array(message[..<sent]))
  }

  @Test("gives its ports and its thread back when it is closed")
  func closing() throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    client.send([5])
    #expect(server.receive() == .bytes([5]))
    scene.link.close()
    scene.link.close()
    #expect(client.receive() == .failed(ECONNRESET))
    #expect(server.receive() == .failed(ECONNRESET))
    #expect(throws: POSIXError(.ECONNREFUSED)) { try scene.connect() }
    #expect(scene.link.counts.bytesToServer == 1)
    let error = #expect(throws: FaultProxyError.self) { try scene.link.open(port: scene.server.port) }
    #expect(error?.code == "fault-proxy.closed")
    let again = try FaultLink(name: "again", address: scene.link.address, server: "127.0.0.1", seed: 1)
    try again.open(port: scene.server.port)
    let (_, _) = try scene.pair()
    again.close()
    #expect(eventually { threads(named: "fault-proxy") == 0 })
  }

  @Test("says what is wrong with an address or a port", arguments: [
    ("300.1.1.1", "127.0.0.1", 5, "not-an-address"), ("127.0.0.1", "127.0.0.1", 5, "loops"),
    ("127.3.0.1", "127.0.0.1", 0, "no-port"), ("192.0.2.77", "127.0.0.1", 5000, "address-not-here"),
  ])
  func mistakes(address: String, server: String, port: UInt16, code: String) throws {
    let error = #expect(throws: FaultProxyError.self) {
      try FaultLink(name: "w", address: address, server: server, seed: 1).open(port: port)
    }
    #expect(error?.code == "fault-proxy.\(code)")
  }

  @Test("says so when the address is in use")
  func inUse() throws {
    let scene = try Scene()
    let other = try FaultLink(name: "other", address: scene.link.address, server: "127.0.0.1", seed: 1)
    let error = #expect(throws: FaultProxyError.self) { try other.open(port: scene.server.port) }
    #expect(error?.code == "fault-proxy.address-in-use")
    #expect(error?.message.contains("\(scene.link.address):\(scene.server.port)") == true)
  }

  /// - Returns: how many threads of this process are called so.
  private func threads(named name: String) -> Int {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
    return tasks.count { (try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8)) == name + "\n" }
  }
}
