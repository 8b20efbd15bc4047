/** The growth as a picture: each quantity over the number of jobs, both logarithmic, with the line that is fitted to it. */
import * as echarts from 'echarts';
import { fit, type Point, QUANTITIES } from './figures/growth.js';
import { sum } from './statistics.js';

const WIDTH = 900, HEIGHT = 640;
const COLUMNS = 2;
const COLORS = ['#0969da', '#1a7f37', '#8250df', '#bc4c00'];
const FRAME = { left: 7, top: 9, width: 40, height: 36, across: 50, down: 50 };

export function plot(points: readonly Point[]): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  const places = QUANTITIES.map((_, at) => ({ column: at % COLUMNS, row: Math.floor(at / COLUMNS) }));
  const axis = { type: 'log', splitLine: { lineStyle: { color: '#d1d9e0' } }, axisLabel: { color: '#59636e' } } as const;
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: QUANTITIES.map((quantity, at) => ({
      text: `${quantity.title.replace('growth of ', '')} in ${quantity.unit.name}: exponent ${fit(points, quantity).toFixed(2)}`,
      left: `${FRAME.left + places[at]!.column * FRAME.across}%`, top: `${2 + places[at]!.row * FRAME.down}%`,
      textStyle: { fontSize: 13, fontWeight: 'normal', color: '#1f2328' },
    })),
    grid: places.map(({ column, row }) => ({
      left: `${FRAME.left + column * FRAME.across}%`, top: `${FRAME.top + row * FRAME.down}%`, width: `${FRAME.width}%`, height: `${FRAME.height}%`,
    })),
    xAxis: QUANTITIES.map((_, at) => ({ ...axis, gridIndex: at, name: 'jobs', nameLocation: 'middle', nameGap: 24, nameTextStyle: { color: '#59636e' } })),
    yAxis: QUANTITIES.map((_, at) => ({ ...axis, gridIndex: at })),
    series: QUANTITIES.flatMap((quantity, at) => {
      const common = { type: 'line', xAxisIndex: at, yAxisIndex: at, color: COLORS[at]! } as const;
      return [
        { ...common, data: fitted(points, quantity), showSymbol: false, lineStyle: { type: 'dashed', width: 1 } },
        { ...common, data: points.map((point) => [point.jobs, quantity.of(point)]), symbol: 'circle', symbolSize: 8, lineStyle: { width: 0 } },
      ];
    }),
  });
  const picture = chart.renderToSVGString();
  chart.dispose();
  return picture;
}

/** The line of the fit at the first and the last number of jobs. */
function fitted(points: readonly Point[], quantity: typeof QUANTITIES[number]): [number, number][] {
  const slope = fit(points, quantity);
  const middle = (of: (point: Point) => number): number => sum(points.map((point) => Math.log(of(point)))) / points.length;
  const height = middle(quantity.of) - slope * middle(({ jobs }) => jobs);
  return [points[0]!, points.at(-1)!].map(({ jobs }) => [jobs, Math.exp(height + slope * Math.log(jobs))]);
}
