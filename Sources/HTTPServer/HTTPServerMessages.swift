internal import Foundation

/// What a client sent.
package struct HTTPServerRequest: Sendable {
  package let method: String
  /// As it was sent: `/metrics?x=1`.
  package let target: String
  /// By names in small letters.
  package let headers: [String: String]
  package let body: [UInt8]
  /// Whether the client expects the connection to be closed once this is answered.
  package let isLast: Bool

  /// Of `target`, without what follows a question mark.
  package var path: String { String(target.prefix { $0 != "?" }) }
}

/// The first line and the headers of a request.
struct HTTPHead {
  let method: String
  let target: String
  let headers: [String: String]
  let isLast: Bool
  /// Bytes of the body that follows.
  let length: Int

  /// - Returns: nil for what is no HTTP/1, or has a body of which the length is not known.
  init?(_ text: String) {
    let lines = text.components(separatedBy: "\r\n")
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    guard headers["transfer-encoding"] == nil else { return nil }
    if let given = headers["content-length"] {
      guard let length = Int(given), length >= 0 else { return nil }
      self.length = length
    } else {
      guard words[0] == "GET" || words[0] == "HEAD" else { return nil }
      length = 0
    }
    method = String(words[0])
    target = String(words[1])
    self.headers = headers
    let wish = headers["connection"]?.lowercased()
    isLast = words[2] == "HTTP/1.0" ? wish != "keep-alive" : wish == "close"
  }
}

package struct HTTPServerResponse: Sendable {
  package var status: Int
  package var type: String
  /// In the order in which they are sent.
  package var headers: [(name: String, value: String)]
  package var body: String

  package init(status: Int, type: String, headers: [(name: String, value: String)] = [], body: String) {
    self.status = status
    self.type = type
    self.headers = headers
    self.body = body
  }

  package var bytes: [UInt8] { Array((head + body).utf8) }

  /// What is sent in answer to HEAD.
  package var head: String {
    let more = headers.map { "\($0.name): \($0.value)\r\n" }.joined()
    return "HTTP/1.1 \(status) \(status == 200 ? "OK" : "No")\r\nContent-Type: \(type)\r\n\(more)Content-Length: \(body.utf8.count)\r\n\r\n"
  }
}
