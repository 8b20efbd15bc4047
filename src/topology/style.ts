/** The picture's colours, for a light ground and for a dark one. */

export const STYLE = `
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328 }
.small { font-size: 11px } .dim { fill: #59636e } .name { font-weight: bold }
.lane { stroke-width: 1 } .lane.host { fill: #f1f6fd; stroke: #c5d7ee }
.lane.container { fill: #f0f8f0; stroke: #bfdcbf }
.box { fill: #ffffff; stroke: #59636e } .box.program { stroke: #0969da; stroke-width: 1.5 }
.box.inside { stroke: #1a7f37; stroke-width: 1.5 }
.line { fill: none; stroke: #59636e; stroke-width: 1.5 } .starts { stroke-dasharray: 3 4; stroke-width: 1 }
.head { fill: #59636e }
.label { fill: #ffffff; stroke: #d1d9e0 } .input { fill: #8250df } .output { fill: #0550ae }
.status { fill: #953800 } .control { fill: #1f2328 }
`;

export const DARK_STYLE = `
text { fill: #e6edf3 } .dim { fill: #9198a1 }
.lane.host { fill: #0f1824; stroke: #23405f } .lane.container { fill: #0f1a13; stroke: #24502f }
.box { fill: #161b22; stroke: #9198a1 } .box.program { stroke: #4493f8 } .box.inside { stroke: #3fb950 }
.line { stroke: #9198a1 } .head { fill: #9198a1 }
.label { fill: #161b22; stroke: #3d444d } .input { fill: #c297ff } .output { fill: #79c0ff }
.status { fill: #f0883e } .control { fill: #e6edf3 }
`;
