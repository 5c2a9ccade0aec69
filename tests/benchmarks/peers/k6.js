// Every item once, shared among as many virtual users as checks may run at once.
import exec from 'k6/execution';
import http from 'k6/http';
import { check } from 'k6';

export const options = {
  scenarios: {
    items: {
      executor: 'shared-iterations',
      vus: Number(__ENV.BENCH_CONCURRENCY),
      iterations: Number(__ENV.BENCH_COUNT),
    },
  },
  thresholds: { checks: ['rate==1'] },
};

export default function () {
  const item = exec.scenario.iterationInTest;
  const response = http.get(`${__ENV.BENCH_URL}/items/${item}`);
  check(response, {
    status: (r) => r.status === 200,
    header: (r) => r.headers['X-Release'] === '7',
    field: (r) => r.json('id') === item,
  });
}
