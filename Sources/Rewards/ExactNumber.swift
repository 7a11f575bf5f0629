internal import Foundation

/// A number that stays a fraction for as long as it fits, and is a `Double` from then on.
enum ExactNumber: Sendable, Equatable {
  /// In lowest terms, denominator positive.
  case fraction(Int, Int)
  case approximate(Double)

  /// - Returns: `nil` for a denominator of 0.
  init?(_ numerator: Int, over denominator: Int = 1) {
    guard denominator != 0 else { return nil }
    guard numerator != .min, denominator != .min else {
      self = .approximate(Double(numerator) / Double(denominator))
      return
    }
    let divisor = Self.greatestCommonDivisor(abs(numerator), abs(denominator))
    let sign = denominator < 0 ? -1 : 1
    self = .fraction(sign * numerator / divisor, sign * denominator / divisor)
  }

  /// Reads digits with at most one decimal point.
  init?(decimal text: String) {
    guard text.utf8.contains(where: isDigit) else { return nil }
    var (scaled, scale, points) = (0, 1, 0)
    var fits = true
    for byte in text.utf8 {
      if byte == UInt8(ascii: ".") {
        points += 1
        continue
      }
      guard isDigit(byte), points <= 1 else { return nil }
      guard fits else { continue }
      let (tens, over) = scaled.multipliedReportingOverflow(by: 10)
      let (sum, overAgain) = tens.addingReportingOverflow(Int(byte & 0x0F))
      let (nextScale, scaleOver) = points == 1 ? scale.multipliedReportingOverflow(by: 10) : (scale, false)
      fits = !over && !overAgain && !scaleOver
      if fits { (scaled, scale) = (sum, nextScale) }
    }
    if fits {
      self.init(scaled, over: scale)
    } else {
      guard let value = Double(text), value.isFinite else { return nil }
      self = .approximate(value)
    }
  }

  var double: Double {
    switch self {
    case .fraction(let numerator, let denominator): Double(numerator) / Double(denominator)
    case .approximate(let value): value
    }
  }

  var isWhole: Bool {
    if case .fraction(_, 1) = self { true } else { false }
  }

  /// Whether decimals can write the number out: the denominator has no prime factors but 2 and 5.
  var isDecimal: Bool {
    guard case .fraction(_, var rest) = self else { return false }
    for factor in [2, 5] {
      while rest % factor == 0 { rest /= factor }
    }
    return rest == 1
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return max(a, 1)
  }

  /// A sum that is smaller than this share of its terms is 0.
  private static let cancellation = 1e-14

  static func + (a: ExactNumber, b: ExactNumber) -> ExactNumber {
    if case .fraction(let p, let q) = a, case .fraction(let r, let s) = b {
      let (left, leftOver) = p.multipliedReportingOverflow(by: s)
      let (right, rightOver) = r.multipliedReportingOverflow(by: q)
      let (sum, sumOver) = left.addingReportingOverflow(right)
      let (denominator, over) = q.multipliedReportingOverflow(by: s)
      if !leftOver, !rightOver, !sumOver, !over, let exact = ExactNumber(sum, over: denominator) { return exact }
    }
    let sum = a.double + b.double
    // What rounding leaves of a difference between equal numbers is none.
    return abs(sum) <= cancellation * max(abs(a.double), abs(b.double)) ? .fraction(0, 1) : .approximate(sum)
  }

  static func * (a: ExactNumber, b: ExactNumber) -> ExactNumber {
    if case .fraction(let p, let q) = a, case .fraction(let r, let s) = b {
      let (numerator, overNumerator) = p.multipliedReportingOverflow(by: r)
      let (denominator, overDenominator) = q.multipliedReportingOverflow(by: s)
      if !overNumerator, !overDenominator, let exact = ExactNumber(numerator, over: denominator) { return exact }
    }
    return .approximate(a.double * b.double)
  }

  /// 1 / self; `nil` for 0.
  var reciprocal: ExactNumber? {
    switch self {
    case .fraction(let numerator, let denominator): ExactNumber(denominator, over: numerator)
    case .approximate(let value): value == 0 ? nil : .approximate(1 / value)
    }
  }

  /// self to the power of `exponent`; `nil` where that is no real number.
  func power(_ exponent: ExactNumber) -> ExactNumber? {
    if case .fraction(let whole, 1) = exponent, -64...64 ~= whole, case .fraction = self {
      var result = ExactNumber.fraction(1, 1)
      for _ in 0..<abs(whole) { result = result * self }
      return whole < 0 ? result.reciprocal : result
    }
    return Self.finite(pow(double, exponent.double))
  }

  /// The root of the given degree; exact where numerator and denominator are perfect powers.
  func root(_ degree: Int) -> ExactNumber? {
    guard degree > 0 else { return nil }
    if case .fraction(let numerator, let denominator) = self, numerator >= 0,
      let top = Self.wholeRoot(numerator, degree), let bottom = Self.wholeRoot(denominator, degree)
    {
      return ExactNumber(top, over: bottom)
    }
    if double < 0 { return degree % 2 == 1 ? Self.finite(-pow(-double, 1 / Double(degree))) : nil }
    return Self.finite(degree == 2 ? double.squareRoot() : pow(double, 1 / Double(degree)))
  }

  private static func wholeRoot(_ value: Int, _ degree: Int) -> Int? {
    guard let guess = Int(exactly: pow(Double(value), 1 / Double(degree)).rounded()) else { return nil }
    var power = 1
    for _ in 0..<min(degree, 64) {
      let (next, over) = power.multipliedReportingOverflow(by: guess)
      guard !over else { return nil }
      power = next
    }
    return power == value ? guess : nil
  }

  static func finite(_ value: Double) -> ExactNumber? { value.isFinite ? .approximate(value) : nil }
}
