/// A number that is written with digits alone: a sign, separators of thousands, a decimal point. Of any length, and exact.
struct Numeral: Equatable {
  private var isNegative = false
  /// Without zeros in front.
  private var whole: UTF8Text = []
  /// Without zeros behind.
  private var decimals: UTF8Text = []

  /// - Returns: `nil` for anything else, such as `1,23`.
  init?(_ text: UTF8Text) {
    var position = 0
    if let sign = text.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      isNegative = sign == UInt8(ascii: "-")
      position = 1
    }
    let start = position
    while position < text.count, isDigit(text[position]) { position += 1 }
    whole.append(contentsOf: text[start..<position])
    if position < text.count, text[position] == UInt8(ascii: ",") {
      guard 1...3 ~= whole.count, whole[0] != UInt8(ascii: "0") else { return nil }
      while position < text.count, text[position] == UInt8(ascii: ",") {
        guard position + 3 < text.count, text[position + 1...position + 3].allSatisfy(isDigit) else { return nil }
        whole.append(contentsOf: text[position + 1...position + 3])
        position += 4
      }
    }
    if position < text.count, text[position] == UInt8(ascii: ".") {
      let point = position
      position += 1
      while position < text.count, isDigit(text[position]) { position += 1 }
      decimals.append(contentsOf: text[point + 1..<position])
    }
    guard position == text.count, !whole.isEmpty || !decimals.isEmpty else { return nil }
    whole.removeFirst(whole.prefix { $0 == UInt8(ascii: "0") }.count)
    while decimals.last == UInt8(ascii: "0") { decimals.removeLast() }
    if whole.isEmpty, decimals.isEmpty { isNegative = false }
  }
}
