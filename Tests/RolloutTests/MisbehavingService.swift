@testable import Rollout

/// A served model that misbehaves in every way there is, and when its answers arrive; drawn from a seed.
struct MisbehavingService {
  enum Fate: Int, CaseIterable {
    case score, garbage, notANumber, tooLarge, negative, infinite
    case rateLimitedUntil, rateLimited, awayFor, unavailableUntil, error, badGateway, reset, clientTimeOut
    case silence, drip, twice, rejected, unprocessable, unauthorized
  }

  let random: CounterRandom
  /// How often something goes wrong, of 1.
  let trouble: Double
  /// Nothing but resets between these times, in seconds.
  let outage: Range<Double>
  /// Whether it may turn down the key.
  let mayRefuseKey: Bool
  private var draws: UInt32 = 0
  private(set) var seen = Set<Fate>()

  init(seed: UInt64) {
    random = CounterRandom(seed: seed, epoch: 1, prompt: 0, sample: 0)
    trouble = random.uniform(at: 0) * 0.9
    let from = random.uniform(at: 1) * 100
    outage = from..<from + random.uniform(at: 2) * random.uniform(at: 3) * 200
    mayRefuseKey = seed % 10 == 0
    draws = 4
  }

  private mutating func draw() -> Double {
    draws += 1
    return random.uniform(at: draws)
  }

  /// What arrives for a request that is sent now, and after how many seconds. Every request gets a score of its own.
  mutating func answers(to request: UInt64, at time: Double) -> [(after: Double, event: RewardServiceEvent)] {
    let delay = draw() * 5
    let score = draw()
    if outage.contains(time) {
      seen.insert(.reset)
      return [(delay / 10, .unreachable(request: request, reason: "connection refused"))]
    }
    var fate = draw() < trouble ? Fate.allCases[Int(draw() * Double(Fate.allCases.count))] : .score
    if fate == .unauthorized, !mayRefuseKey || draw() < 0.7 { fate = .error }
    seen.insert(fate)
    func refused(_ status: Int, _ retryAfter: Duration? = nil) -> [(after: Double, event: RewardServiceEvent)] {
      [(delay / 10, .refused(request: request, status: status, retryAfter: retryAfter))]
    }
    func answered(_ score: Double?) -> [(after: Double, event: RewardServiceEvent)] {
      [(delay, .answered(request: request, score: score))]
    }
    switch fate {
    case .score: return answered(score)
    case .garbage: return answered(nil)
    case .notANumber: return answered(.nan)
    case .tooLarge: return answered(1.7)
    case .negative: return answered(-0.2)
    case .infinite: return answered(.infinity)
    case .rateLimitedUntil: return refused(429, .seconds(1 + draw() * 4))
    case .rateLimited: return refused(429)
    case .awayFor: return draw() < 0.2 ? refused(503, .seconds(3600)) : refused(503, .seconds(-5))
    case .unavailableUntil: return refused(503, .seconds(draw() * 10))
    case .error: return refused(500)
    case .badGateway: return refused(draw() < 0.5 ? 502 : 504)
    case .reset: return [(delay, .unreachable(request: request, reason: "connection reset"))]
    case .clientTimeOut: return [(delay, .timedOut(request: request))]
    case .silence: return []
    case .drip: return [(8 + draw() * 40, .answered(request: request, score: score))]
    case .twice: return answered(score) + [(delay + draw() * 20, .answered(request: request, score: 1 - score))]
    case .rejected: return refused(400)
    case .unprocessable: return refused(422, .seconds(3))
    case .unauthorized: return refused(401)
    }
  }
}
