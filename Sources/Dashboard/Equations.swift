/// The equations behind the curves, as MathML.
enum Equations {
  static let html: HTML = """
    <div class="card equations">
    <p>Each problem is answered N times. The rule gives every response an outcome reward <i>R</i><sup>o</sup>, the \
    thinking-reward model gives its reasoning <i>R</i><sup>t</sup>. The means <i>μ</i> of <i>R</i><sup>t</sup> over the \
    right and over the wrong responses say whether that model can be trusted in this group:</p>
    <math display="block"><mi>γ</mi><mo>=</mo><mi>min</mi><mo>(</mo><mn>1</mn><mo>,</mo><mspace width="0.2em"/>\
    <msup><mi>e</mi><mrow><msub><mi>μ</mi><mtext>right</mtext></msub><mo>−</mo><msub><mi>μ</mi><mtext>wrong</mtext></msub></mrow></msup>\
    <mo>)</mo><mspace width="2em"/><mtext class="eq">(3)</mtext></math>
    <p>Its say also fades over the <i>T</i> training steps, so that early guidance cannot be exploited late:</p>
    <math display="block"><msub><mi>R</mi><mi>i</mi></msub><mo>=</mo><msubsup><mi>R</mi><mi>i</mi><mi>o</mi></msubsup><mo>+</mo>\
    <mi>γ</mi><mspace width="0.15em"/><mi>α</mi><mspace width="0.15em"/><msup><mi>e</mi><mrow><mo>−</mo><mtext>step</mtext><mo>/</mo><mi>T</mi></mrow></msup>\
    <mspace width="0.15em"/><msubsup><mi>R</mi><mi>i</mi><mi>t</mi></msubsup><mspace width="2em"/><mtext class="eq">(5)</mtext></math>
    <p>A response is as good as it is better than its group:</p>
    <math display="block"><msub><mi>A</mi><mi>i</mi></msub><mo>=</mo><mfrac><mrow><msub><mi>R</mi><mi>i</mi></msub><mo>−</mo>\
    <mtext>mean</mtext><mspace width="0.2em"/><mi>R</mi></mrow><mrow><mtext>std</mtext><mspace width="0.2em"/><mi>R</mi><mo>+</mo>\
    <msup><mn>10</mn><mrow><mo>−</mo><mn>6</mn></mrow></msup></mrow></mfrac><mspace width="2em"/><mtext class="eq">(6)</mtext></math>
    <p>and the policy is moved towards the better ones, neither too far in one step nor too far from where it began, \
    with <i>r</i> the ratio of the policy to the one that sampled:</p>
    <math display="block"><mtext>max</mtext><mspace width="0.4em"/><mi>min</mi><mo>(</mo><msub><mi>r</mi><mi>i</mi></msub>\
    <msub><mi>A</mi><mi>i</mi></msub><mo>,</mo><mspace width="0.2em"/><mtext>clip</mtext><mo>(</mo><msub><mi>r</mi><mi>i</mi></msub><mo>,</mo>\
    <mn>1</mn><mo>−</mo><mi>ε</mi><mo>,</mo><mn>1</mn><mo>+</mo><mi>ε</mi><mo>)</mo><mspace width="0.2em"/><msub><mi>A</mi><mi>i</mi></msub><mo>)</mo>\
    <mo>−</mo><mi>β</mi><mspace width="0.2em"/><mtext>KL</mtext><mo>(</mo><mi>π</mi><mo>‖</mo><msub><mi>π</mi><mtext>ref</mtext></msub><mo>)</mo>\
    <mspace width="2em"/><mtext class="eq">(7)</mtext></math>
    <p class="note">Numbered as in SophiaVL-R1, arXiv 2505.17018.</p>
    </div>
    """
}
