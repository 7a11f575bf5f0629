internal import Foundation
internal import RunStore

/// One held-out problem with its picture and the policy's answers before and after training.
struct ExampleCard {
  private let example: Example

  init(_ example: Example) {
    self.example = example
  }

  var html: HTML {
    """
    <article>
    <div class="problem">\(picture)<p class="question">\(example.problem)</p>\
    <p class="solution">Solution <b>\(Self.inside("answer", of: example.solution) ?? example.solution)</b></p></div>
    \(answer("Before", example.before))
    \(answer("After", example.after))
    </article>

    """
  }

  private var picture: HTML {
    guard let image = example.image, let type = Self.mediaType(of: image) else { return .empty }
    return "<img alt=\"The problem's picture\" src=\"data:\(type);base64,\(Data(image).base64EncodedString())\">"
  }

  private func answer(_ when: String, _ answer: Example.Answer) -> HTML {
    // Rules with partial credit give rewards between 0 and 1; those are worth showing.
    let partial = answer.outcome > 0 && answer.outcome < 1 ? " (reward \(Numbers.short(answer.outcome)))" : ""
    let verdict: HTML =
      answer.isRight ? "<span class=\"right\">✓ right\(partial)</span>" : "<span class=\"wrong\">✗ wrong\(partial)</span>"
    let words: HTML
    if let thinking = Self.inside("think", of: answer.text), let final = Self.inside("answer", of: answer.text) {
      words = "<p class=\"thinking\">\(thinking)</p><p class=\"final\">\(final)</p>"
    } else {
      words = "<p class=\"thinking\">\(answer.text)</p><p class=\"none\">Not in the required form.</p>"
    }
    return "<div class=\"answer\"><h4>\(when) \(verdict)</h4>\(words)</div>"
  }

  /// The text between `<tag>` and `</tag>`.
  static func inside(_ tag: String, of text: String) -> String? {
    guard let open = text.range(of: "<\(tag)>"),
      let close = text.range(of: "</\(tag)>", range: open.upperBound..<text.endIndex)
    else { return nil }
    return text[open.upperBound..<close.lowerBound].trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Only what is certainly a picture is put into the page.
  static func mediaType(of bytes: [UInt8]) -> String? {
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "image/png" }
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
    return nil
  }
}
