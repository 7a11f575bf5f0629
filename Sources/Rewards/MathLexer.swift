internal import Limits

/// A piece of an answer, as the parser sees it.
enum MathToken: Equatable {
  /// Digits with at most one decimal point, separators of thousands already gone.
  case number(String)
  case word(String)
  /// A LaTeX command without its backslash.
  case command(String)
  /// One of `+ - * / ^ ( ) [ ] { } , ; : | % ! = _ < > ≤ ≥`, with `⦃` and `⦄` for `\{` and `\}`.
  case symbol(Unicode.Scalar)
}

/// Splits an answer, plain or LaTeX, into tokens in one pass.
struct MathLexer {
  /// Longer answers are compared as text alone.
  static let tokenLimit = Limits.standard.texts.mathTokens

  private let scalars: [Unicode.Scalar]
  private let groupingThousands: Bool
  private var position = 0
  private var tokens: [MathToken] = []
  /// For each open brace whether it only wraps the argument of a command such as `\text`.
  private var wrappers: [Bool] = []
  private var wrapsNext = false

  private init(_ text: UTF8Text, groupingThousands: Bool) {
    scalars = Self.scalars(of: text)
    self.groupingThousands = groupingThousands
  }

  /// The characters of a text, where full-width forms and the digits of any script are those of ASCII.
  private static func scalars(of text: UTF8Text) -> [Unicode.Scalar] {
    var scalars: [Unicode.Scalar] = []
    scalars.reserveCapacity(text.count)
    var position = 0
    while position < text.count {
      let (next, length) = decodedScalar(text, at: position)
      scalars.append(length == 1 ? next : plain(next))
      position += length
    }
    return scalars
  }

  private static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    if 0xFF01...0xFF5E ~= scalar.value { return Unicode.Scalar(scalar.value - 0xFEE0) ?? scalar }
    guard scalar.properties.generalCategory == .decimalNumber, let value = scalar.properties.numericValue, 0...9 ~= value
    else { return scalar }
    return Unicode.Scalar(0x30 + UInt8(value))
  }

  /// - Parameter groupingThousands: whether `1,234` is one number or two.
  /// - Returns: `nil` if there is a character that mathematics does not use, or too much.
  static func tokens(_ text: UTF8Text, groupingThousands: Bool) -> [MathToken]? {
    guard text.count <= 8 * tokenLimit else { return nil }
    var lexer = MathLexer(text, groupingThousands: groupingThousands)
    while lexer.position < lexer.scalars.count {
      guard lexer.step(), lexer.tokens.count <= tokenLimit else { return nil }
    }
    return lexer.tokens
  }

  private func scalar(at index: Int) -> Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  private func isDigit(_ index: Int) -> Bool { scalar(at: index).map { "0"..."9" ~= $0 } ?? false }

  private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII ? "a"..."z" ~= scalar || "A"..."Z" ~= scalar : scalar.properties.isAlphabetic && scalar.value != 0x3C0
  }

  private mutating func emit(_ token: MathToken) { tokens.append(token) }

  private mutating func step() -> Bool {
    let current = scalars[position]
    if isDigit(position) || (current == "." && isDigit(position + 1)) {
      return number()
    }
    if current == "\\" { return command() }
    position += 1
    switch current {
    case "{" where !wrapsNext && scalar(at: position) == "}": position += 1  // an empty group
    case "{":
      wrappers.append(wrapsNext)
      if !wrapsNext { emit(.symbol("{")) }
      wrapsNext = false
    case "}":
      if wrappers.popLast() != true { emit(.symbol("}")) }
    case "+", "-", "*", "/", "^", "(", ")", "[", "]", ",", ";", ":", "|", "%", "!", "=", "_", "≤", "≥":
      emit(.symbol(current))
    case "<", ">":
      let orEqual = scalar(at: position) == "="
      if orEqual { position += 1 }
      emit(.symbol(current == "<" ? (orEqual ? "≤" : "<") : (orEqual ? "≥" : ">")))
    case "−", "–", "—": emit(.symbol("-"))
    case "×", "·", "⋅", "∗": emit(.symbol("*"))
    case "÷", "∕", "⁄": emit(.symbol("/"))
    case "±": emit(.command("pm"))
    case "π": emit(.command("pi"))
    case "√": emit(.word("sqrt"))
    case "∅": emit(.command("emptyset"))
    case "∞": emit(.command("infty"))
    case "∪": emit(.command("cup"))
    case "∈": emit(.command("in"))
    case "°", "º": emit(.word("degree"))
    case "≈": emit(.symbol("="))
    case _ where Self.superscript(current) != nil: superscript()
    case "½": vulgar("1", "2")
    case "⅓": vulgar("1", "3")
    case "⅔": vulgar("2", "3")
    case "¼": vulgar("1", "4")
    case "¾": vulgar("3", "4")
    case "$", "€", "£", "~", "\u{200B}": break
    case "." where position == scalars.count: break  // the full stop of a sentence
    case _ where current.properties.isWhitespace: break
    case _ where Self.isLetter(current):
      let start = position - 1
      while let next = scalar(at: position), Self.isLetter(next) { position += 1 }
      emitWord(start..<position)
    default: return false
    }
    return true
  }

  private mutating func emitWord(_ range: Range<Int>) {
    let word = string(range)
    if word == "percent" {
      emit(.symbol("%"))
    } else if 2...3 ~= range.count, word != "by",
      scalars[range].allSatisfy({ "a"..."c" ~= $0 || "x"..."z" ~= $0 })
    {
      for index in range { emit(.word(string(index..<index + 1))) }  // a product of variables, as in `2xy`
    } else {
      emit(.word(word))
    }
  }

  private func string(_ range: Range<Int>) -> String {
    var text = ""
    text.unicodeScalars.append(contentsOf: scalars[range])
    return text
  }

  private static func superscript(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
    switch scalar {
    case "⁰": "0"
    case "¹": "1"
    case "²": "2"
    case "³": "3"
    case "⁴"..."⁹": Unicode.Scalar(scalar.value - 0x2070 + 0x30)
    case "⁻": "-"
    default: nil
    }
  }

  /// `⁻²` as `^{-2}`.
  private mutating func superscript() {
    position -= 1
    emit(.symbol("^"))
    emit(.symbol("{"))
    var digits = ""
    while let current = scalar(at: position), let plain = Self.superscript(current) {
      if plain == "-" { emit(.symbol("-")) } else { digits.unicodeScalars.append(plain) }
      position += 1
    }
    emit(.number(digits))
    emit(.symbol("}"))
  }

  private mutating func vulgar(_ numerator: String, _ denominator: String) {
    for token in [.command("frac"), .symbol("{"), .number(numerator), .symbol("}"), .symbol("{"), .number(denominator)] as [MathToken] {
      emit(token)
    }
    emit(.symbol("}"))
  }

  /// - Returns: `false` for `000` where it could only be the end of a number with separators.
  private mutating func number() -> Bool {
    let start = position
    while isDigit(position) { position += 1 }
    var text = string(start..<position)
    if !groupingThousands, text.utf8.count > 1, text.utf8.first == UInt8(ascii: "0") { return false }
    if groupingThousands, text.utf8.count <= 3, text.utf8.first != UInt8(ascii: "0") {
      while let length = separatorLength(), isDigit(position + length), isDigit(position + length + 1),
        isDigit(position + length + 2), !isDigit(position + length + 3)
      {
        text += string(position + length..<position + length + 3)
        position += length + 3
      }
    }
    if scalar(at: position) == ".", isDigit(position + 1) {
      let point = position
      position += 1
      while isDigit(position) { position += 1 }
      text += string(point..<position)
    } else if scalar(at: position) == ".", let next = scalar(at: position + 1), next != ".", !Self.isLetter(next) {
      position += 1  // the full stop of a sentence, or a point without decimals
    }
    emit(.number(text.utf8.first == UInt8(ascii: ".") ? "0" + text : text))
    exponent()
    return true
  }

  /// `e5` behind a number: a power of ten.
  private mutating func exponent() {
    guard let mark = scalar(at: position), mark == "e" || mark == "E" else { return }
    let sign = scalar(at: position + 1)
    let signed = sign == "-" || sign == "+"
    var end = position + (signed ? 2 : 1)
    let start = end
    while isDigit(end) { end += 1 }
    guard end > start, end - start <= 3, scalar(at: end).map({ !Self.isLetter($0) && $0 != "." }) ?? true else { return }
    for token in [.symbol("*"), .number("10"), .symbol("^"), .symbol("{")] as [MathToken] { emit(token) }
    if sign == "-" { emit(.symbol("-")) }
    emit(.number(string(start..<end)))
    emit(.symbol("}"))
    position = end
  }

  /// The length of a separator of thousands at the position: a comma, `{,}`, `,\!` or a space before three digits.
  private func separatorLength() -> Int? {
    switch scalar(at: position) {
    case "," where scalar(at: position + 1) == "\\" && scalar(at: position + 2) == "!": 3
    case ",": 1
    case "{" where scalar(at: position + 1) == "," && scalar(at: position + 2) == "}": 3
    case " ", "\u{A0}", "\u{202F}", "\u{2009}": spaceGroupsThousands() ? 1 : nil
    default: nil
    }
  }

  /// `10 000` is one number, but `1 100/3` a mixed one.
  private func spaceGroupsThousands() -> Bool { scalar(at: position + 4) != "/" && scalar(at: position + 4) != "." }

  private static let wrapping: Set<String> = [
    "text", "textbf", "textit", "textrm", "mathrm", "mathbf", "mathit", "mathsf", "operatorname", "mbox", "boxed", "fbox",
  ]
  private static let silent: Set<String> = [
    "left", "right", "displaystyle", "textstyle", "quad", "qquad", "big", "Big", "bigl", "bigr", "limits",
    "rm", "bf", "it",
  ]

  private mutating func command() -> Bool {
    position += 1
    guard let first = scalar(at: position) else { return true }
    guard first.isASCII, Self.isLetter(first) else {
      position += 1
      switch first {
      case "{": emit(.symbol("⦃"))
      case "}": emit(.symbol("⦄"))
      case "%": emit(.symbol("%"))
      case ",", "!", ";", ":", " ", "\\", "(", ")", "[", "]", "$", "\n": break
      default: return false
      }
      return true
    }
    let start = position
    while let next = scalar(at: position), next.isASCII, Self.isLetter(next) { position += 1 }
    let name = string(start..<position)
    if Self.silent.contains(name) { return true }
    if Self.wrapping.contains(name) {
      wrapsNext = scalar(at: position) == "{"
      return true
    }
    switch name {
    case "dfrac", "tfrac", "cfrac": emit(.command("frac"))
    case "cdot", "times", "ast": emit(.symbol("*"))
    case "div": emit(.symbol("/"))
    case "lbrace": emit(.symbol("⦃"))
    case "rbrace": emit(.symbol("⦄"))
    case "approx": emit(.symbol("="))
    case "leq", "le", "leqslant": emit(.symbol("≤"))
    case "geq", "ge", "geqslant": emit(.symbol("≥"))
    case "lt": emit(.symbol("<"))
    case "gt": emit(.symbol(">"))
    case "degree", "deg", "textdegree": emit(.word("degree"))
    case "sin", "cos", "tan", "ln", "exp": emit(.word(name))
    default: emit(.command(name))
    }
    return true
  }
}
