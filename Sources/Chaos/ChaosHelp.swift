/// What `sophia chaos` says of itself.
package enum ChaosHelp {
  package static let discussion = ""
  package static let examplePlan = ""
}
