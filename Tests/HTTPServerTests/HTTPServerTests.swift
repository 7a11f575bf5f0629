import ActionableErrors
import Foundation
import HTTPServer
import Testing

/// A client that says what it likes.
private struct Client: ~Copyable {
  private let descriptor: Int32

  init(port: UInt16, family: Int32 = AF_INET) throws {
    descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
    var wait = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICHOST
    hints.ai_family = family
    var found: UnsafeMutablePointer<addrinfo>?
    getaddrinfo(family == AF_INET ? "127.0.0.1" : "::1", "\(port)", &hints, &found)
    defer { freeaddrinfo(found) }
    let place = try #require(found?.pointee)
    try #require(connect(descriptor, place.ai_addr, place.ai_addrlen) == 0)
  }

  deinit { close(descriptor) }

  borrowing func say(_ text: String) {
    _ = send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL))
  }

  /// Until the server closes the connection, or there are so many bytes.
  borrowing func hear(_ count: Int = .max) -> String {
    var heard: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while heard.count < count {
      let received = recv(descriptor, &chunk, min(chunk.count, count - heard.count), 0)
      guard received > 0 else { break }
      heard += chunk[..<received]
    }
    return String(decoding: heard, as: UTF8.self)
  }
}

@Suite("A small HTTP server", .serialized)
struct HTTPServerTests {
  private func server(
    address: String = "127.0.0.1", connections: Int = 8, head: Int = 1000, body: Int = 10, seconds: Double? = 20
  ) throws -> HTTPServer {
    try HTTPServer(
      address: address, port: 0, name: "test",
      bounds: HTTPServerBounds(connections: connections, head: head, body: body, seconds: seconds)
    ) { request, connection in
      connection.send(
        HTTPServerResponse(
          status: 200, type: "text/plain",
          body: "\(request.method) \(request.path) \(request.headers["x"] ?? "-") \(String(decoding: request.body, as: UTF8.self))"))
    }
  }

  private func answer(_ body: String) -> String {
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  @Test("requests of one connection are answered one after the other, however they are cut")
  func several() throws {
    let server = try server()
    defer { server.close() }
    let client = try Client(port: server.port)
    let first = answer("GET /a y ")
    let second = answer("POST /b - 12345")
    client.say("GET /a?q HTTP/1.1\r\nX: y\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\n123")
    #expect(client.hear(first.utf8.count) == first)
    client.say("45")
    #expect(client.hear(second.utf8.count) == second)
    for byte in "GET /c HTTP/1.1\r\nConnection: close\r\n\r\n" { client.say(String(byte)) }
    #expect(client.hear() == answer("GET /c - "))
    #expect(server.requests == 3)
    #expect(server.connectionCount == 1)
  }

  @Test(
    "what is too long, has no end that is known, or is no HTTP, ends the connection without an answer",
    arguments: [
      "GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 2000), "POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "GET /\r\n\r\n", "GET / SMTP/1.1\r\n\r\n",
      "\r\n\r\n\r\n", "GET / HTTP/1.0 \u{0} x\r\n\r\n",
    ])
  func refused(request: String) throws {
    let server = try server()
    defer { server.close() }
    let client = try Client(port: server.port)
    client.say(request)
    #expect(client.hear() == "")
    #expect(server.requests == 0)
  }

  @Test("who speaks HTTP/1.0 gets the end of the connection after the answer")
  func old() throws {
    let server = try server()
    defer { server.close() }
    let client = try Client(port: server.port)
    client.say("GET / HTTP/1.0\r\n\r\n")
    #expect(client.hear() == answer("GET / - "))
  }

  @Test("a client that says nothing, or always a little, is cut in time, and its place is somebody else's")
  func slow() throws {
    let server = try server(connections: 1, seconds: 0.5)
    defer { server.close() }
    let start = ContinuousClock.now
    let silent = try Client(port: server.port)
    let next = try Client(port: server.port)
    next.say("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    #expect(silent.hear() == "")
    #expect(next.hear() == answer("GET / - "))
    let dripping = try Client(port: server.port)
    for _ in 0..<20 {
      dripping.say("G")
      usleep(50_000)
    }
    #expect(dripping.hear() == "")
    #expect(ContinuousClock.now - start < .seconds(15))
  }

  @Test("a client that does not take its answer is cut in time")
  func unread() throws {
    let server = try HTTPServer(
      address: "127.0.0.1", port: 0, name: "test", bounds: HTTPServerBounds(connections: 1, head: 1000, body: 0, seconds: 0.5)
    ) { request, connection in
      connection.send(HTTPServerResponse(status: 200, type: "text/plain", body: String(repeating: "x", count: 1 << 25)))
    }
    defer { server.close() }
    let client = try Client(port: server.port)
    client.say("GET / HTTP/1.1\r\n\r\n")
    #expect(client.hear(1) == "H")
    usleep(1_500_000)
    #expect(client.hear().utf8.count < 1 << 25)
  }

  @Test("it listens on IPv6 too")
  func six() throws {
    let server = try server(address: "::1")
    defer { server.close() }
    let client = try Client(port: server.port, family: AF_INET6)
    client.say("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    #expect(client.hear() == answer("GET / - "))
  }

  @Test("an address that cannot be had is an error that names it", arguments: ["example.invalid", "203.0.113.7", ""])
  func addresses(address: String) throws {
    let error = #expect(throws: (any Error).self) { try server(address: address) }
    let actionable = try #require(error as? any ActionableError)
    #expect(actionable.code == "test.bind")
    #expect(actionable.message.hasPrefix("cannot listen on \(address):0: "))
  }

  @Test("a port that is taken is an error, and is free again after the end")
  func ports() async throws {
    let first = try server()
    let bounds = HTTPServerBounds(connections: 1, head: 10, body: 0, seconds: 1)
    #expect(throws: (any Error).self) {
      try HTTPServer(address: "127.0.0.1", port: first.port, name: "test", bounds: bounds) { _, _ in false }
    }
    first.close()
    var second: HTTPServer?
    for _ in 0..<100 where second == nil {
      try await Task.sleep(for: .milliseconds(20))
      second = try? HTTPServer(address: "127.0.0.1", port: first.port, name: "test", bounds: bounds) { _, _ in false }
    }
    #expect(second != nil)
    second?.close()
  }
}
