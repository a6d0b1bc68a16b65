import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { ZoeClient, type Cost, type Execution, type Shop } from '@zoe-jupyter/api';
import {
  AttachForm,
  defaultsOf,
  memoryFault,
  Picture,
  schemaOf,
  ShopShelf,
  english,
  type SwapWish,
} from '../src/index.js';
import { execution, FakeService, json, parameter, problem, zapp } from './fakes.js';

afterEach(cleanup);

let service: FakeService;

beforeEach(() => {
  service = new FakeService();
  const outlook = { now: true, ahead: 0, reason: '', granted: {}, wait: null };
  service.answers.set('POST /plans', () => json({ ...execution().plan, outlook }));
  service.answers.set('POST /executions', () => json(execution({ id: 'new' }), 202));
});

async function form(
  onDone: (execution: Execution, kernel: string) => void = jest.fn(),
  swaps: Execution | null = null,
  onSwap: (wish: SwapWish) => void = jest.fn(),
): Promise<void> {
  render(
    <AttachForm
      client={new ZoeClient(service)}
      zapp={zapp()}
      notebooks={[{ kernel: 'k1', title: 'flights.ipynb' }]}
      kernel="k1"
      swaps={swaps}
      onSwap={onSwap}
      onDone={onDone}
      onCancel={jest.fn()}
    />,
  );
  // The form is loaded when it is first needed.
  await screen.findByLabelText(/Workers/, {}, { timeout: 10_000 });
}

const attach = (): HTMLButtonElement => screen.getByRole('button', { name: 'Attach' });

test('fields begin with the defaults, memory with its unit, and the plan is shown', async () => {
  await form();
  expect(screen.getByLabelText<HTMLInputElement>(/Workers/).value).toBe('2');
  expect(screen.getByLabelText<HTMLInputElement>(/Memory/).value).toBe('1 GiB');
  expect(await screen.findByText('Needs 1 CPU, 1 GiB to start, 3 CPU, 3 GiB with everything that it asks for.'));
  expect(screen.getByText('Starts now.')).toBeTruthy();
});

test('a field that has the keyboard comes out from behind the foot when that grows', async () => {
  await form();
  const name = screen.getByLabelText<HTMLInputElement>('Name');
  const shown = jest.fn();
  name.scrollIntoView = shown;
  const at = (top: number, bottom: number) => (): DOMRect => ({ top, bottom }) as DOMRect;
  name.getBoundingClientRect = at(600, 626);
  const foot = document.querySelector('.zoe-form-foot') as HTMLElement;
  foot.getBoundingClientRect = at(640, 700);
  name.focus();
  expect(shown).not.toHaveBeenCalled();
  foot.getBoundingClientRect = at(610, 700);
  fireEvent.change(screen.getByLabelText(/Workers/), { target: { value: '3' } });
  await waitFor(() => expect(shown).toHaveBeenCalledWith({ block: 'nearest' }));
});

test('what it costs of quotas is shown before anything is started', async () => {
  const cost = (change: Partial<Cost>): Cost => ({
    subject: 'user alice',
    dimension: 'cpu',
    takes: 2,
    left: 5,
    limit: 8,
    too_much: false,
    sentence: '',
    ...change,
  });
  const costs = [
    cost({}),
    cost({ dimension: 'memory', takes: 2 ** 30, left: 2 ** 30, limit: 2 ** 32 }),
    cost({ dimension: 'cpu_hours', takes: 0, left: 3.26, limit: 10 }),
    cost({ subject: 'group physics', takes: 2, left: 1, limit: 20, too_much: true }),
    cost({ dimension: 'instances', takes: 1, left: 90, limit: 100 }),
    cost({ dimension: 'executions', takes: 1, left: 0, limit: 3, too_much: true }),
    cost({
      subject: 'group physics',
      dimension: 'memory',
      takes: 1300 * 2 ** 20,
      left: 1299 * 2 ** 20,
      limit: 2 ** 32,
      too_much: true,
    }),
  ];
  const preview = { outlook: '', starts_now: false, needs: '', costs };
  const outlook = { now: false, ahead: 2, reason: '1 core is missing.', granted: {}, wait: 90 };
  service.answers.set('POST /plans', () => json({ ...execution().plan, outlook, preview }));
  await form();
  await screen.findByText('Takes 2 CPU; of your quota (8 CPU) stays free: 3 CPU.');
  const said = [...document.querySelectorAll('.zoe-preview p')].map((each) => each.textContent);
  expect(said.slice(1)).toEqual([
    'Would have to wait in the queue: 1 core is missing. It starts in about 1 min 30 s.',
    'Takes 2 CPU; of your quota (8 CPU) stays free: 3 CPU.',
    'Takes 1 GiB, all that is left of your quota (4 GiB).',
    'Left: 3.3 CPU hours of your quota (10 CPU hours).',
    'Too much for the quota of group physics (20 CPU): it takes 2 CPU; left: 1 CPU.',
    'Too much for your quota (3 executions): it takes 1 execution; left: 0 executions.',
    'Too much for the quota of group physics (4 GiB): it takes 1300 MiB; left: 1299 MiB.',
  ]);
});

test.each([
  [/Workers/, '99', 'is out of bounds: from 0 to 8'],
  [/Memory/, '8 gigs', 'is no amount of memory; write a number and a unit, such as 512 MiB or 8 GiB'],
  [/Memory/, '8 GiB', 'is out of bounds: from 512 MiB to 4 GiB'],
])('%p may not be %p', async (label, text, sentence) => {
  await form();
  fireEvent.change(screen.getByLabelText(label), { target: { value: text } });
  await screen.findByText(sentence);
  expect(attach().disabled).toBe(true);
});

test('the wish is sent with the notebook, and hands on what was started', async () => {
  const done = jest.fn();
  await form(done);
  fireEvent.change(screen.getByLabelText('Name'), { target: { value: 'mine' } });
  fireEvent.click(attach());
  await waitFor(() => expect(done).toHaveBeenCalledWith(expect.objectContaining({ id: 'new' }), 'k1'));
  expect(service.requests.filter((each) => each === 'POST /executions')).toHaveLength(1);
});

test('the same wish after a lost answer has the same key; another wish has another', async () => {
  service.answers.set('POST /executions', () => problem(503, 'ServiceUnavailable', 'Zoe starts.'));
  await form();
  for (const [number, workers] of ['2', '2', '3'].entries()) {
    fireEvent.change(screen.getByLabelText(/Workers/), { target: { value: workers } });
    await waitFor(() => expect(attach().disabled).toBe(false));
    fireEvent.click(attach());
    await waitFor(() =>
      expect(service.requests.filter((each) => each === 'POST /executions')).toHaveLength(number + 1),
    );
    await screen.findByText('Zoe starts.');
  }
  const keys = service.headers.map((each) => each.get('Idempotency-Key')).filter((key) => key !== null);
  expect(keys[0]).toBe(keys[1]);
  expect(keys[1]).not.toBe(keys[2]);
});

test('what the service refuses stands at the field that it names', async () => {
  service.answers.set('POST /executions', () =>
    problem(422, 'InvalidParameter', 'workers: 7 is too many for a Monday', { parameter: 'workers' }),
  );
  await form();
  fireEvent.click(attach());
  const field = (await screen.findByLabelText(/Workers/)).closest('.form-group');
  await waitFor(() => expect(field?.textContent).toContain('too many for a Monday'));
});

test('parameters become a schema that says what the service says', () => {
  const all = zapp({
    parameters: [
      parameter({ name: 'kind', type: 'string', choices: ['a', 'b'], default: 'a' }),
      parameter({ name: 'tag', type: 'string', pattern: '[a-z]+', help: 'Lower case.' }),
      parameter({ name: 'on', type: 'boolean', default: false }),
    ],
  });
  expect(schemaOf(all).properties).toEqual({
    kind: { title: 'Kind', type: 'string', default: 'a', enum: ['a', 'b'], maxLength: 4096 },
    tag: { title: 'Tag', type: 'string', description: 'Lower case.', pattern: '^(?:[a-z]+)$', maxLength: 4096 },
    on: { title: 'On', type: 'boolean', default: false },
  });
  expect(defaultsOf(all)).toEqual({ kind: 'a', on: false });
});

test('memory within its bounds has no fault', () => {
  const memory = parameter({ name: 'memory', type: 'memory', minimum: '512 MiB' });
  expect(memoryFault(memory, '512 MiB', english)).toBeNull();
  expect(memoryFault(memory, '511 MiB', english)).toBe('is out of bounds: at least 512 MiB');
});

test('icons are drawn, and what is not drawn has its initial', () => {
  const { container, rerender } = render(<Picture icon="✨" title="Spark cluster" />);
  expect(container.querySelector('path')).toBeTruthy();
  expect(container.textContent).toBe('');
  rerender(<Picture icon="🦄" title="“mine”" />);
  expect(container.textContent).toBe('M');
});

describe('the shop', () => {
  const goods = [zapp(), zapp({ name: 'dask', title: 'Dask', description: 'A client.' })];
  const shop = {
    zapps: [...goods, zapp({ name: 'lab', title: 'Lab', server: true })],
    frameworks: [],
    problems: [],
    sources: [],
  } as Shop;
  const shelf = (error = '', given: Shop | null = shop): jest.Mock => {
    const onChoose = jest.fn();
    render(<ShopShelf shop={given} error={error} onChoose={onChoose} onRetry={onChoose} />);
    return onChoose;
  };

  test('shows what a notebook can attach, found by any word of it', () => {
    const chosen = shelf();
    expect(screen.queryByText('Lab')).toBeNull();
    fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'CLIENT' } });
    fireEvent.click(screen.getByRole('button'));
    expect(chosen).toHaveBeenCalledWith(goods[1]);
  });

  test('says that nothing matches, that nothing is there, that it could not be read', () => {
    shelf();
    fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'flink' } });
    expect(screen.getByRole('status').textContent).toBe('Nothing in the shop matches “flink”.');
    cleanup();
    shelf('', { ...shop, zapps: [] });
    expect(screen.getByRole('status').textContent).toBe('There is nothing in the shop that a notebook can attach.');
    cleanup();
    const again = shelf('Zoe is away.');
    expect(screen.getByRole('alert').textContent).toContain('Zoe is away.');
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(again).toHaveBeenCalledTimes(1);
  });
});

test('what takes the place of something begins as that is, and says what differs from the usual', async () => {
  const old = execution({ name: 'mine', plan: { ...execution().plan, parameters: { workers: 5, memory: 2 ** 31 } } });
  const swapped = jest.fn();
  await form(jest.fn(), old, swapped);
  expect(screen.getByLabelText<HTMLInputElement>(/Workers/).value).toBe('5');
  expect(screen.getByLabelText<HTMLInputElement>(/Memory/).value).toBe('2 GiB');
  expect(screen.queryByLabelText('Notebook')).toBeNull();
  expect(screen.getByText(/If it does not come, mine stays as it is/)).toBeTruthy();
  fireEvent.change(screen.getByLabelText(/Workers/), { target: { value: '2' } });
  fireEvent.click(screen.getByRole('button', { name: 'Swap' }));
  await waitFor(() =>
    expect(swapped).toHaveBeenCalledWith(expect.objectContaining({ old, parameters: { memory: '2 GiB' }, name: '' })),
  );
  expect(service.requests).not.toContain('POST /executions');
});
