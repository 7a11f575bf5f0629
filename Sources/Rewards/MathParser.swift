internal import Limits

/// Reads tokens as mathematics by recursive descent, bounded in depth; every token is looked at a bounded number of times.
struct MathParser {
  /// Of calls inside one another; a pair of brackets takes three.
  private static let depthLimit = Limits.standard.texts.mathDepth
  static let listLimit = Limits.standard.texts.mathList

  private struct Unreadable: Error {}

  private var tokens: [MathToken]
  private var position = 0
  private var depth = 0

  /// - Returns: `nil` if the whole of it is not mathematics that is understood here.
  static func parse(_ text: UTF8Text, groupingThousands: Bool) -> MathTree? {
    guard let tokens = MathLexer.tokens(text, groupingThousands: groupingThousands), !tokens.isEmpty else { return nil }
    var parser = MathParser(tokens: withoutName(tokens))
    guard let tree = try? parser.list(until: nil), parser.position == parser.tokens.count else { return nil }
    return tree
  }

  private init(tokens: [MathToken]) { self.tokens = tokens }

  /// Drops `x =`, `Area =`, `f(x) =` and `x \in` in front of what is said about them.
  private static func withoutName(_ tokens: [MathToken]) -> [MathToken] {
    guard let equals = tokens.prefix(7).firstIndex(where: { $0 == .symbol("=") || $0 == .command("in") }),
      tokens.count > equals + 1
    else { return tokens }
    let isName = tokens[..<equals].allSatisfy { token in
      switch token {
      case .word, .command, .symbol("("), .symbol(")"), .symbol("_"), .symbol("{"), .symbol("}"): true
      case .number: tokens[..<equals].contains(.symbol("_"))
      default: false
      }
    }
    return isName ? Array(tokens[(equals + 1)...]) : tokens
  }

  private var next: MathToken? { position < tokens.count ? tokens[position] : nil }

  private mutating func take(_ symbol: Unicode.Scalar) -> Bool {
    guard next == .symbol(symbol) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ symbol: Unicode.Scalar) throws {
    guard take(symbol) else { throw Unreadable() }
  }

  // MARK: Lists

  private enum Separator {
    case comma, semicolon, colon, union
    /// `and`, `or`.
    case conjunction
  }

  /// Items up to a closing bracket, which is not consumed, or to the end. One item is itself, not a list.
  private mutating func list(until closing: [Unicode.Scalar]?) throws -> MathTree {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw Unreadable() }
    var items = [try item()]
    var separators: Set<Separator> = []
    while let separator = takeSeparator() {
      separators.insert(separator)
      items.append(try item())
      guard items.count <= Self.listLimit else { throw Unreadable() }
    }
    if let closing {
      guard case .symbol(let symbol)? = next, closing.contains(symbol) else { throw Unreadable() }
    }
    if items.count == 1 { return items[0] }
    if separators.contains(.conjunction) || separators == [.union] { return .list(.unordered, items) }
    guard separators.count == 1 else { throw Unreadable() }
    return .list(.ordered(open: nil, close: separators == [.colon] ? ":" : ","), items)
  }

  private mutating func takeSeparator() -> Separator? {
    switch next {
    case .symbol(let symbol) where symbol == "," || symbol == ";" || symbol == ":":
      position += 1
      if takeConjunction() { return .conjunction }  // "1, 2, and 3"
      return symbol == ":" ? .colon : symbol == ";" ? .semicolon : .comma
    case .word where takeConjunction(): return .conjunction
    case .command("cup"):
      position += 1
      return .union
    default: return nil
    }
  }

  private mutating func takeConjunction() -> Bool {
    guard case .word(let word)? = next, word == "and" || word == "or" else { return false }
    position += 1
    return true
  }

  /// A name and `=`, a sum, a percent sign, a unit.
  private mutating func item() throws -> MathTree {
    if position + 2 < tokens.count, case .word = tokens[position], tokens[position + 1] == .symbol("=") { position += 2 }
    if next == .command("pm") {
      position += 1
      let size = try sum()
      return .list(.unordered, [size, .negation(size)])
    }
    var tree = try sum()
    if take("%") { tree = .percent(tree) }
    if let unit = try unit() { tree = .measured(try scalar(tree), unit) }
    return isRelation(next) ? try relation(from: tree) : tree
  }

  private func isRelation(_ token: MathToken?) -> Bool {
    guard case .symbol(let symbol)? = token else { return false }
    return symbol == "<" || symbol == "≤" || symbol == ">" || symbol == "≥"
  }

  /// `x > 3`, `1 < x \leq 2`, from the smaller side to the greater.
  private mutating func relation(from first: MathTree) throws -> MathTree {
    var terms = [first]
    var signs: [Unicode.Scalar] = []
    while isRelation(next), case .symbol(let sign)? = next {
      position += 1
      signs.append(sign)
      terms.append(try sum())
    }
    if signs.allSatisfy({ $0 == ">" || $0 == "≥" }) {
      terms.reverse()
      signs = signs.reversed().map { $0 == ">" ? "<" : "≤" }
    }
    guard signs.allSatisfy({ $0 == "<" || $0 == "≤" }), terms.count <= 3 else { throw Unreadable() }
    return zip(signs, terms.dropFirst()).reduce(terms[0]) { .list(.ordered(open: nil, close: $1.0), [$0, $1.1]) }
  }

  // MARK: Arithmetic

  private func scalar(_ tree: MathTree) throws -> MathTree {
    if tree.isList { throw Unreadable() }
    return tree
  }

  private mutating func sum() throws -> MathTree {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw Unreadable() }
    var tree = try product()
    while true {
      if take("+") {
        tree = .sum(try scalar(tree), try scalar(product()))
      } else if take("-") {
        tree = .sum(try scalar(tree), .negation(try scalar(product())))
      } else {
        return tree
      }
    }
  }

  private mutating func product() throws -> MathTree {
    var isNegative = false
    while next == .symbol("-") || next == .symbol("+") {
      if take("-") { isNegative.toggle() } else { position += 1 }
    }
    let tree = try unsignedProduct()
    return isNegative ? .negation(try scalar(tree)) : tree
  }

  private mutating func unsignedProduct() throws -> MathTree {
    var tree = try power()
    while true {
      if take("*") {
        tree = .product(try scalar(tree), try scalar(signedPower()))
      } else if take("/") {
        tree = .quotient(try scalar(tree), try scalar(signedPower()))
      } else if let scale = takeScale() {
        tree = .product(try scalar(tree), .number(scale))
      } else if startsFactor {
        tree = .product(try scalar(tree), try scalar(power()))
      } else {
        return tree
      }
    }
  }

  private mutating func signedPower() throws -> MathTree {
    take("-") ? .negation(try scalar(power())) : try power()
  }

  /// Whether what follows is multiplied without a sign: `2\pi`, `3(x + 1)`, `2x`.
  private var startsFactor: Bool {
    switch next {
    case .symbol("("), .symbol("{"): true
    case .command(let name): ["frac", "sqrt", "pi"].contains(name)
    case .word(let word):
      MathTree.Function(rawValue: word) != nil || word == "pi" || word == "sqrt"
        || (isVariable(word) && !MeasuringUnit.isKnown(word))
    default: false
    }
  }

  private func isVariable(_ word: String) -> Bool { word.unicodeScalars.count == 1 && word.utf8.count == 1 }

  private mutating func takeScale() -> ExactNumber? {
    guard case .word(let word)? = next else { return nil }
    let zeros: Int
    switch word.lowercased() {
    case "hundred": zeros = 2
    case "thousand": zeros = 3
    case "million": zeros = 6
    case "billion": zeros = 9
    case "trillion": zeros = 12
    default: return nil
    }
    position += 1
    return (0..<zeros).reduce(.fraction(1, 1)) { scale, _ in scale * .fraction(10, 1) }
  }

  private mutating func power() throws -> MathTree {
    var tree = try primary()
    while take("!") { tree = .factorial(try scalar(tree)) }
    guard next == .symbol("^") else { return tree }
    let mark = position
    position += 1
    if takeDegreeSign() {
      position = mark  // a unit, not an exponent
      return tree
    }
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw Unreadable() }
    if take("-") { return .power(try scalar(tree), .negation(try scalar(power()))) }
    return .power(try scalar(tree), try scalar(power()))
  }

  /// The argument of a function, where degrees are a share of half a turn.
  private mutating func angle() throws -> MathTree {
    let argument = try scalar(power())
    let degree = MathTree.product(argument, .quotient(.number(.approximate(.pi)), .number(.fraction(180, 1))))
    if next == .word("degree") || next == .word("degrees") {
      position += 1
      return degree
    }
    if next == .symbol("^") {
      position += 1
      guard takeDegreeSign() else { throw Unreadable() }
      return degree
    }
    if case .measured(let size, let unit) = argument, unit == MeasuringUnit(name: "degree") {
      return .product(size, .quotient(.number(.approximate(.pi)), .number(.fraction(180, 1))))
    }
    return argument
  }

  /// `\circ` or `{\circ}`.
  private mutating func takeDegreeSign() -> Bool {
    if next == .command("circ") {
      position += 1
      return true
    }
    guard next == .symbol("{"), position + 2 < tokens.count, tokens[position + 1] == .command("circ"),
      tokens[position + 2] == .symbol("}")
    else { return false }
    position += 3
    return true
  }

  private mutating func primary() throws -> MathTree {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit, let token = next else { throw Unreadable() }
    position += 1
    switch token {
    case .number(let text):
      guard let number = ExactNumber(decimal: text) else { throw Unreadable() }
      return try mixed(number)
    case .symbol("("): return try bracketed("(", [")", "]"])
    case .symbol("["): return try bracketed("[", [")", "]"])
    case .symbol("⦃"): return take("⦄") ? .list(.unordered, []) : try bracketed("⦃", ["⦄"])
    case .symbol("{"): return try bracketed("{", ["}"])
    case .command("frac"):
      let numerator = try argument()
      return .quotient(try scalar(numerator), try scalar(argument()))
    case .word("sqrt"): return .root(degree: 2, try scalar(primary()))
    case .command("sqrt"):
      var degree = 2
      if take("[") {
        guard case .number(let text)? = next, let value = Int(text), 1...64 ~= value else { throw Unreadable() }
        position += 1
        try expect("]")
        degree = value
      }
      return .root(degree: degree, try scalar(argument()))
    case .command("pi"), .word("pi"): return .number(.approximate(.pi))
    case .symbol("|"):
      let inner = try scalar(sum())
      try expect("|")
      return .applied(.abs, inner)
    case .command("emptyset"), .command("varnothing"): return .list(.unordered, [])
    case .command("infty"), .word("inf"), .word("infinity"): return .infinity
    case .word(let word):
      if let function = MathTree.Function(rawValue: word) { return .applied(function, try angle()) }
      guard isVariable(word), let name = word.unicodeScalars.first else { throw Unreadable() }
      if name == "e" { return .number(.approximate(2.718281828459045)) }
      return .variable(name)
    default: throw Unreadable()
    }
  }

  /// `7 3/4` and `7\frac{3}{4}` are sums.
  private mutating func mixed(_ whole: ExactNumber) throws -> MathTree {
    guard whole.isWhole else { return .number(whole) }
    if case .number(let top)? = next, position + 2 < tokens.count, tokens[position + 1] == .symbol("/"),
      case .number(let bottom) = tokens[position + 2], let numerator = Int(top), let denominator = Int(bottom),
      let fraction = ExactNumber(numerator, over: denominator)
    {
      position += 3
      return .number(whole + fraction)
    }
    if next == .command("frac") {
      position += 1
      let numerator = try argument()
      let denominator = try argument()
      let fraction = MathTree.quotient(try scalar(numerator), try scalar(denominator))
      guard case .number = numerator, case .number = denominator else { return .product(.number(whole), fraction) }
      return .sum(.number(whole), fraction)
    }
    return .number(whole)
  }

  /// A braced group, or as LaTeX has it a single digit or symbol.
  private mutating func argument() throws -> MathTree {
    if case .number(let text)? = next, text.utf8.count > 1, !text.contains("."), let digit = text.first {
      tokens[position] = .number(String(text.dropFirst()))
      return .number(ExactNumber(decimal: String(digit)) ?? .fraction(0, 1))
    }
    if take("{") { return try bracketed("{", ["}"]) }
    return try primary()
  }

  private mutating func bracketed(_ open: Unicode.Scalar, _ closing: [Unicode.Scalar]) throws -> MathTree {
    let inner = try list(until: closing)
    guard case .symbol(let close)? = next else { throw Unreadable() }
    position += 1
    let isSet = open == "⦃" || open == "{"
    if case .list(.ordered(open: nil, close: ","), let items) = inner {
      return .list(isSet ? .unordered : .ordered(open: open, close: close), items)
    }
    if open == "(" && close == ")" || open == "[" && close == "]" || open == "{" { return inner }
    if open == "⦃" { return .list(.unordered, [inner]) }
    return .list(.ordered(open: open, close: close), [inner])
  }

  // MARK: Units

  /// What is left of an item if it is all words, read as a unit; words that are no unit say nothing.
  private mutating func unit() throws -> MeasuringUnit? {
    var unit: MeasuringUnit?
    var power = 1
    var inverse = false
    while true {
      switch next {
      case .word(let word) where word != "and" && word != "or":
        position += 1
        switch word.lowercased() {
        case "square", "sq": power = 2
        case "cubic", "cu": power = 3
        case "per": inverse = true
        default:
          var part = MeasuringUnit(name: word) ?? MeasuringUnit(unknown: word)
          if take("^") {
            let braced = take("{")
            let negative = take("-")
            guard case .number(let text)? = next, let exponent = Int(text), 1...3 ~= exponent else { throw Unreadable() }
            position += 1
            if braced { try expect("}") }
            power = negative ? -exponent : exponent
          }
          guard let raised = part.raised(to: inverse ? -power : power) else { throw Unreadable() }
          part = raised
          (power, inverse) = (1, false)
          unit = unit?.times(part) ?? part
        }
      case .symbol("^") where unit == nil:
        position += 1
        guard takeDegreeSign() else { throw Unreadable() }
        unit = MeasuringUnit(name: "degree")
      case .symbol("/") where unit != nil:
        position += 1
        inverse = true
      default:
        return unit
      }
    }
  }
}
