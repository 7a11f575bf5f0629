internal import Foundation
internal import HTTPServer
internal import Limits
package import ServedReward

/// A chat endpoint that judges thinking, and that misbehaves on demand: for serving a thinking-reward model to scorers, and
/// for trying what they do when it is served badly. A library's server would keep to HTTP; this one has to be able not to.
package final class JudgeServer: Sendable {
  package typealias Grade = @Sendable (JudgedTrace) throws -> Double?

  private let server: HTTPServer

  /// - Parameters:
  ///   - port: 0 for any free one; on the loopback interface alone.
  ///   - key: the bearer token that is asked for; nil: none.
  ///   - grade: nil where there is no score.
  ///   - behave: what is done with the next request.
  package init(
    port: UInt16 = 0, key: String? = nil, grade: @escaping Grade,
    behave: @escaping @Sendable (JudgedTrace?) -> JudgeBehaviour = { _ in .answer() }
  ) throws {
    let limits = Limits.standard.texts
    // A scorer keeps a connection for as long as it lives, and a judge may take its time.
    let bounds = HTTPServerBounds(
      connections: limits.judgeConnections, head: limits.requestHead, body: limits.requestBody, seconds: nil)
    let judgement = JudgeAnswers(key: key, grade: grade, behave: behave)
    server = try HTTPServer(address: "127.0.0.1", port: port, name: "judge-server", bounds: bounds) {
      judgement.answer($0, on: $1)
    }
  }

  package var port: UInt16 { server.port }
  /// As `thinking.url` takes it.
  package var url: String { "http://127.0.0.1:\(port)/v1" }
  package var requests: Int { server.requests }
  /// Since the start.
  package var connectionCount: Int { server.connectionCount }

  package func close() { server.close() }
}

/// How one request to a judge is answered.
private struct JudgeAnswers: Sendable {
  let key: String?
  let grade: JudgeServer.Grade
  let behave: @Sendable (JudgedTrace?) -> JudgeBehaviour

  /// - Returns: whether the connection goes on.
  func answer(_ request: HTTPServerRequest, on connection: borrowing HTTPConnection) -> Bool {
    guard request.method == "POST" else { return false }
    guard key.map({ request.headers["authorization"] == "Bearer \($0)" }) ?? true else {
      return connection.send(response(401, #"{"error": {"message": "the key is wrong"}}"#))
    }
    guard request.target.hasSuffix("/chat/completions") else {
      return connection.send(response(404, #"{"error": {"message": "there is only /v1/chat/completions here"}}"#))
    }
    return perform(request, on: connection)
  }

  private func perform(_ request: HTTPServerRequest, on connection: borrowing HTTPConnection) -> Bool {
    let trace = JudgedTrace(request: request.body)
    switch behave(trace) {
    case .answer(let text): return connection.send(judged(trace, text))
    case .late(let milliseconds):
      usleep(UInt32(milliseconds) * 1000)
      return connection.send(judged(trace, nil))
    case .refuse(let status, let retryAfter):
      var refusal = response(status, #"{"error": {"message": "this judge was told to answer \#(status)"}}"#)
      if let retryAfter { refusal.headers = [("Retry-After", "\(retryAfter)")] }
      return connection.send(refusal)
    case .garbage: return connection.send(response(200, "<html>\u{FFFD} not quite</html>"))
    case .hang:
      // Until the client closes the connection.
      connection.waitForClient()
      return false
    case .drip(let milliseconds):
      for byte in response(200, completion("0.5")).bytes {
        guard connection.send([byte]) else { return false }
        usleep(UInt32(milliseconds) * 1000)
      }
      return true
    case .breakOff:
      let whole = response(200, completion("0.5")).bytes
      _ = connection.send(Array(whole.prefix(whole.count / 2)))
      return false
    }
  }

  private func judged(_ trace: JudgedTrace?, _ text: String?) -> HTTPServerResponse {
    if let text { return response(200, completion(text)) }
    guard let trace else {
      return response(400, #"{"error": {"message": "this judge takes only what a sophia scorer asks"}}"#)
    }
    do {
      let score = try grade(trace)
      return response(200, completion(score.map { String(format: "<answer>%.6f</answer>", $0) } ?? "there is nothing to grade"))
    } catch {
      return response(400, json(["error": ["message": "\(error)"]]))
    }
  }

  private func completion(_ text: String) -> String {
    json([
      "object": "chat.completion",
      "choices": [["index": 0, "finish_reason": "stop", "message": ["role": "assistant", "content": text]]],
    ])
  }

  private func response(_ status: Int, _ body: String) -> HTTPServerResponse {
    HTTPServerResponse(status: status, type: "application/json", body: body)
  }

  private func json(_ object: [String: Any]) -> String {
    let bytes = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
    return String(decoding: bytes ?? Data("{}".utf8), as: UTF8.self)
  }
}
