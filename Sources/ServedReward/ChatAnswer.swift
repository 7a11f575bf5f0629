internal import Foundation
internal import Rewards

/// What a chat endpoint answers with.
package enum ChatAnswer {
  /// The score that the first choice states. An answer that was cut off states none: `0` may have become `0.8`.
  ///
  /// - Returns: nil where nothing can be read; may be out of [0, 1] never, because the reader leaves that out too.
  package static func score(in body: [UInt8]) -> Double? {
    guard let answer = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
      let choice = (answer["choices"] as? [[String: Any]])?.first, choice["finish_reason"] as? String != "length",
      let content = (choice["message"] as? [String: Any]).flatMap({ text($0["content"]) })
    else { return nil }
    // A model that thinks before it answers speaks of many numbers in doing so.
    let end = content.range(of: "</think>", options: .backwards)?.upperBound ?? content.startIndex
    return parseThinkingScore(String(content[end...]))
  }

  /// A text, or parts of which some are texts.
  private static func text(_ content: Any?) -> String? {
    if let text = content as? String { return text }
    guard let parts = content as? [[String: Any]] else { return nil }
    return parts.compactMap { $0["text"] as? String }.joined()
  }

  /// What a service that refuses a request says about it, in one short line.
  package static func complaint(in body: [UInt8]) -> String {
    let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
    let error = object?["error"]
    let said = (error as? [String: Any])?["message"] as? String ?? error as? String ?? String(decoding: body.prefix(400), as: UTF8.self)
    // It goes into a log, and comes from outside.
    let plain = String(String.UnicodeScalarView(said.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : $0 }))
    return String(plain.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(200))
  }
}
