internal import Limits

/// A POST of bytes.
package struct HTTPRequest: Sendable {
  package var url: String
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]
  /// From handing it over to the last byte of the answer. Bytes that trickle in do not extend it.
  package var deadline: Duration
  /// Of the answer's body; more is refused.
  package var responseLimit: Int

  package init(
    url: String, headers: [(name: String, value: String)] = [], body: [UInt8], deadline: Duration,
    responseLimit: Int = Limits.standard.texts.serviceAnswer
  ) {
    self.url = url
    self.headers = headers
    self.body = body
    self.deadline = deadline
    self.responseLimit = responseLimit
  }
}

package enum HTTPOutcome: Sendable {
  case response(HTTPResponse)
  /// Not all of it was there in time.
  case timedOut
  /// No connection, or one that broke off; with libcurl's words.
  case unreachable(reason: String)
}

package struct HTTPResponse: Sendable {
  package let status: Int
  /// By lower-case name; of several with one name, the last.
  package let headers: [String: String]
  package let body: [UInt8]
}
