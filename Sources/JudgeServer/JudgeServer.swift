internal import ActionableErrors
internal import Foundation
internal import Limits
package import ServedReward
internal import Synchronization

package struct JudgeServerError: ActionableError {
  package let code: String
  package let message: String
  package let advice: String
}

/// A chat endpoint that judges thinking, and that misbehaves on demand: for serving a thinking-reward model to scorers, and
/// for trying what they do when it is served badly. A library's server would keep to HTTP; this one has to be able not to.
///
/// One thread a connection; requests are answered one after the other on each.
package final class JudgeServer: Sendable {
  package typealias Grade = @Sendable (JudgedTrace) throws -> Double?

  private static let connectionLimit = Limits.standard.texts.judgeConnections
  private static let headLimit = Limits.standard.texts.requestHead
  private static let bodyLimit = Limits.standard.texts.requestBody

  private let listener: Int32
  package let port: UInt16
  private let key: String?
  private let grade: Grade
  private let behave: @Sendable (JudgedTrace?) -> JudgeBehaviour
  private let connections = Mutex(Set<Int32>())
  /// Who comes while there are so many waits in the listener's queue.
  private let places = DispatchSemaphore(value: JudgeServer.connectionLimit)
  private let counts = Mutex((requests: 0, connections: 0))

  /// - Parameters:
  ///   - port: 0 for any free one; on the loopback interface alone.
  ///   - key: the bearer token that is asked for; nil: none.
  ///   - grade: nil where there is no score.
  ///   - behave: what is done with the next request.
  package init(
    port: UInt16 = 0, key: String? = nil, grade: @escaping Grade,
    behave: @escaping @Sendable (JudgedTrace?) -> JudgeBehaviour = { _ in .answer() }
  ) throws {
    self.key = key
    self.grade = grade
    self.behave = behave
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var on: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) { [listener] in
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && Foundation.listen(listener, 128) == 0 && getsockname(listener, $0, &size) == 0
      }
    }
    guard isListening else {
      let reason = String(cString: strerror(errno))
      Foundation.close(listener)
      throw JudgeServerError(
        code: "judge-server.bind", message: "cannot listen on 127.0.0.1:\(port): \(reason)", advice: "give another port, or 0 for any")
    }
    self.port = UInt16(bigEndian: address.sin_port)
    Thread(block: { [self] in acceptConnections() }).start()
  }

  /// As `thinking.url` takes it.
  package var url: String { "http://127.0.0.1:\(port)/v1" }
  package var requests: Int { counts.withLock { $0.requests } }
  /// Since the start.
  package var connectionCount: Int { counts.withLock { $0.connections } }

  package func close() {
    shutdown(listener, Int32(SHUT_RDWR))
    // Their threads close them.
    connections.withLock { for descriptor in $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
  }

  // MARK: Connections

  private func acceptConnections() {
    while true {
      places.wait()
      let descriptor = accept(listener, nil, nil)
      if descriptor < 0 {
        places.signal()
        // Shut down: it is closed here, where nobody can be about to use its number.
        if errno == EINVAL || errno == EBADF {
          Foundation.close(listener)
          return
        }
        // Out of descriptors, say, of which nobody tells when there are some again.
        usleep(10_000)
        continue
      }
      connections.withLock { _ = $0.insert(descriptor) }
      counts.withLock { $0.connections += 1 }
      Thread(block: { [self] in
        serve(descriptor)
        connections.withLock { _ = $0.remove(descriptor) }
        Foundation.close(descriptor)
        places.signal()
      }).start()
    }
  }

  private func serve(_ descriptor: Int32) {
    var buffer: [UInt8] = []
    while let request = read(descriptor, &buffer) {
      counts.withLock { $0.requests += 1 }
      guard request.isAuthorized(by: key) else {
        guard send(descriptor, status: 401, #"{"error": {"message": "the key is wrong"}}"#) else { return }
        continue
      }
      guard request.target.hasSuffix("/chat/completions") else {
        guard send(descriptor, status: 404, #"{"error": {"message": "there is only /v1/chat/completions here"}}"#) else { return }
        continue
      }
      guard perform(descriptor, request) else { return }
    }
  }

  /// - Returns: whether the connection goes on.
  private func perform(_ descriptor: Int32, _ request: Request) -> Bool {
    let trace = JudgedTrace(request: request.body)
    switch behave(trace) {
    case .answer(let text): return answer(descriptor, trace, text)
    case .late(let milliseconds):
      usleep(UInt32(milliseconds) * 1000)
      return answer(descriptor, trace, nil)
    case .refuse(let status, let retryAfter):
      return send(
        descriptor, status: status, retryAfter: retryAfter, #"{"error": {"message": "this judge was told to answer \#(status)"}}"#)
    case .garbage: return send(descriptor, status: 200, "<html>\u{FFFD} not quite</html>")
    case .hang:
      // Until the client closes the connection.
      var byte: UInt8 = 0
      _ = recv(descriptor, &byte, 1, 0)
      return false
    case .drip(let milliseconds):
      for byte in bytes(status: 200, completion("0.5")) {
        guard sendAll(descriptor, [byte]) else { return false }
        usleep(UInt32(milliseconds) * 1000)
      }
      return true
    case .breakOff:
      let whole = bytes(status: 200, completion("0.5"))
      _ = sendAll(descriptor, Array(whole.prefix(whole.count / 2)))
      return false
    }
  }

  private func answer(_ descriptor: Int32, _ trace: JudgedTrace?, _ text: String?) -> Bool {
    if let text { return send(descriptor, status: 200, completion(text)) }
    guard let trace else {
      return send(descriptor, status: 400, #"{"error": {"message": "this judge takes only what a sophia scorer asks"}}"#)
    }
    do {
      let score = try grade(trace)
      return send(descriptor, status: 200, completion(score.map { String(format: "<answer>%.6f</answer>", $0) } ?? "there is nothing to grade"))
    } catch {
      return send(descriptor, status: 400, json(["error": ["message": "\(error)"]]))
    }
  }

  private func completion(_ text: String) -> String {
    json([
      "object": "chat.completion",
      "choices": [["index": 0, "finish_reason": "stop", "message": ["role": "assistant", "content": text]]],
    ])
  }

  private func json(_ object: [String: Any]) -> String {
    let bytes = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
    return String(decoding: bytes ?? Data("{}".utf8), as: UTF8.self)
  }

  // MARK: HTTP/1.1

  private struct Request {
    let target: String
    let headers: [String: String]
    let body: [UInt8]

    func isAuthorized(by key: String?) -> Bool { key.map { headers["authorization"] == "Bearer \($0)" } ?? true }
  }

  /// - Returns: nil once the connection is closed, or speaks something else.
  private func read(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Request? {
    var end: Int?
    while end == nil {
      end = headEnd(buffer)
      guard end == nil else { break }
      guard buffer.count < Self.headLimit, receive(descriptor, &buffer) else { return nil }
    }
    guard let end else { return nil }
    let lines = String(decoding: buffer[..<end], as: UTF8.self).components(separatedBy: "\r\n")
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count == 3, words[0] == "POST" else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    guard let length = headers["content-length"].flatMap({ Int($0) }), 0...Self.bodyLimit ~= length else { return nil }
    let start = end + 4
    while buffer.count < start + length { guard receive(descriptor, &buffer) else { return nil } }
    let request = Request(target: String(words[1]), headers: headers, body: Array(buffer[start..<start + length]))
    buffer.removeFirst(start + length)
    return request
  }

  private func headEnd(_ buffer: [UInt8]) -> Int? {
    guard buffer.count >= 4 else { return nil }
    return (0...buffer.count - 4).first { buffer[$0] == 13 && buffer[$0 + 1] == 10 && buffer[$0 + 2] == 13 && buffer[$0 + 3] == 10 }
  }

  private func receive(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Bool {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    guard count > 0 else { return false }
    buffer += chunk[..<count]
    return true
  }

  private func send(_ descriptor: Int32, status: Int, retryAfter: Int? = nil, _ body: String) -> Bool {
    sendAll(descriptor, bytes(status: status, retryAfter: retryAfter, body))
  }

  private func bytes(status: Int, retryAfter: Int? = nil, _ body: String) -> [UInt8] {
    let wait = retryAfter.map { "Retry-After: \($0)\r\n" } ?? ""
    return Array(
      "HTTP/1.1 \(status) \(status == 200 ? "OK" : "No")\r\nContent-Type: application/json\r\n\(wait)Content-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
  }

  private func sendAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }
}
