/// A unit behind a number, as powers of base units and a factor to them.
struct MeasuringUnit: Sendable, Equatable {
  /// Exponent of each base unit.
  private(set) var dimensions: [String: Int]
  private(set) var factor: ExactNumber
  /// Words that name no unit known here, such as `apples`, in lower case and singular.
  private(set) var unknownWords: [String] = []

  var isKnown: Bool { unknownWords.isEmpty }

  private init(dimensions: [String: Int], factor: ExactNumber, unknownWords: [String] = []) {
    self.dimensions = dimensions
    self.factor = factor
    self.unknownWords = unknownWords
  }

  /// The unit of the given name, singular or plural, short or long.
  init?(name: String) {
    guard let found = Self.table[name] ?? Self.entry(of: name.lowercased()) else { return nil }
    self.init(dimensions: [found.base: found.exponent], factor: found.factor)
  }

  init(unknown word: String) {
    let lower = word.lowercased()
    let singular = lower.utf8.last == UInt8(ascii: "s") ? String(lower.dropLast()) : lower
    self.init(dimensions: [:], factor: .fraction(1, 1), unknownWords: [singular])
  }

  static func isKnown(_ name: String) -> Bool { table[name] != nil || entry(of: name.lowercased()) != nil }

  /// Whether numbers of these units may be compared: both are known here and agree, or have a word in common, or only one is
  /// known, as in `5 cm` and `5 cm long`.
  func isComparable(with other: MeasuringUnit) -> Bool {
    if isKnown && other.isKnown { return dimensions == other.dimensions }
    if isKnown || other.isKnown { return true }
    return unknownWords.contains { other.unknownWords.contains($0) }
  }

  private static func entry(of lower: String) -> Entry? {
    table[lower] ?? singulars(of: lower).lazy.compactMap { table[$0] }.first
  }

  private static func singulars(of name: String) -> [String] {
    (name.hasSuffix("s") ? [String(name.dropLast())] : []) + (name.hasSuffix("es") ? [String(name.dropLast(2))] : [])
  }

  func raised(to exponent: Int) -> MeasuringUnit? {
    guard let scaled = factor.power(.fraction(exponent, 1)) else { return nil }
    return MeasuringUnit(dimensions: dimensions.mapValues { $0 * exponent }, factor: scaled, unknownWords: unknownWords)
  }

  func times(_ other: MeasuringUnit) -> MeasuringUnit {
    let merged = dimensions.merging(other.dimensions, uniquingKeysWith: +).filter { $0.value != 0 }
    return MeasuringUnit(
      dimensions: merged, factor: factor * other.factor, unknownWords: unknownWords + other.unknownWords)
  }

  private struct Entry {
    let base: String
    let exponent: Int
    let factor: ExactNumber
  }

  private static let table: [String: Entry] = {
    var table: [String: Entry] = [:]
    func add(_ base: String, _ exponent: Int, _ numerator: Int, _ denominator: Int, _ names: String...) {
      guard let factor = ExactNumber(numerator, over: denominator) else { return }
      for name in names { table[name] = Entry(base: base, exponent: exponent, factor: factor) }
    }
    add("metre", 1, 1, 1, "m", "meter", "metre")
    add("metre", 1, 1, 1000, "mm", "millimeter", "millimetre")
    add("metre", 1, 1, 1_000_000, "um", "μm", "µm", "micrometer", "micrometre")
    add("metre", 1, 1, 1_000_000_000, "nm", "nanometer", "nanometre")
    add("metre", 1, 1, 100, "cm", "centimeter", "centimetre")
    add("metre", 1, 1, 10, "dm", "decimeter", "decimetre")
    add("metre", 1, 1000, 1, "km", "kilometer", "kilometre")
    add("metre", 1, 254, 10000, "in", "inch")
    add("metre", 1, 3048, 10000, "ft", "foot", "feet")
    add("metre", 1, 9144, 10000, "yd", "yard")
    add("metre", 1, 1_609_344, 1000, "mi", "mile")
    add("second", 1, 1, 1, "s", "sec", "second")
    add("second", 1, 1, 1000, "ms", "millisecond")
    add("second", 1, 60, 1, "min", "minute")
    add("second", 1, 3600, 1, "h", "hr", "hour")
    add("second", 1, 86400, 1, "day")
    add("second", 1, 604_800, 1, "week")
    add("month", 1, 1, 1, "month")
    add("month", 1, 12, 1, "year", "yr")
    add("gram", 1, 1, 1, "g", "gram")
    add("gram", 1, 1, 1000, "mg", "milligram")
    add("gram", 1, 1000, 1, "kg", "kilogram")
    add("gram", 1, 1_000_000, 1, "ton", "tonne")
    add("pound", 1, 1, 1, "lb", "pound")
    add("pound", 1, 1, 16, "oz", "ounce")
    add("metre", 3, 1, 1000, "l", "L", "liter", "litre")
    add("metre", 3, 1, 1_000_000, "ml", "mL", "milliliter", "millilitre")
    add("degree", 1, 1, 1, "degree", "deg")
    add("dollar", 1, 1, 1, "dollar", "usd")
    add("dollar", 1, 1, 100, "cent")
    add("volt", 1, 1, 1, "V", "volt")
    add("ampere", 1, 1, 1, "A", "amp", "ampere")
    add("ampere", 1, 1, 1000, "mA", "milliampere")
    add("volt", 1, 1, 1000, "mV", "millivolt")
    add("volt", 1, 1000, 1, "kV", "kilovolt")
    add("ohm", 1, 1, 1, "ohm")
    add("newton", 1, 1, 1, "N", "newton")
    add("newton", 1, 1000, 1, "kN", "kilonewton")
    add("joule", 1, 1, 1, "J", "joule")
    add("joule", 1, 1000, 1, "kJ", "kilojoule")
    add("watt", 1, 1, 1, "W", "watt")
    add("watt", 1, 1000, 1, "kW", "kilowatt")
    add("watt", 1, 1, 1000, "mW", "milliwatt")
    add("watt", 1, 1_000_000, 1, "MW", "megawatt")
    add("pascal", 1, 1, 1, "Pa", "pascal")
    add("pascal", 1, 1000, 1, "kPa", "kilopascal")
    add("pascal", 1, 1_000_000, 1, "MPa", "megapascal")
    add("hertz", 1, 1000, 1, "kHz", "kilohertz")
    add("hertz", 1, 1_000_000, 1, "MHz", "megahertz")
    add("hertz", 1, 1, 1, "Hz", "hertz")
    add("mole", 1, 1, 1, "mol", "mole")
    add("kelvin", 1, 1, 1, "K", "kelvin")
    return table
  }()
}
