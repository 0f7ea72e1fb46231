import { expect } from 'chai';
import { createCatalog } from '../../shared/catalog.ts';
import { specOf, type TaskSpec } from '../../shared/registry.ts';
import { defineTask } from '../../shared/task.ts';
import { clockToSet } from '../support/clock.ts';

const specNamed = (name: string, description: string) =>
  specOf(defineTask(name, { description, run: () => undefined }));

/** A registry of which a test says what it holds and whether it can be read. */
function startTestCatalog() {
  const registry = { specs: new Map<string, TaskSpec>(), isAway: false, reads: 0 };
  let changed: () => void = () => undefined;
  const catalog = createCatalog({
    async specs() {
      registry.reads++;
      if (registry.isAway) throw new Error('away');
      return new Map(registry.specs);
    },
    onRegistryChange(listener) {
      changed = listener;
    },
  });
  const publish = (spec: TaskSpec) => {
    registry.specs.set(spec.name, spec);
    changed();
  };
  return { catalog, registry, publish };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the catalog', () => {
  it('reads once for any number of finds', async () => {
    const { catalog, registry, publish } = startTestCatalog();
    publish(specNamed('add', 'first'));
    for (let i = 0; i < 5; i++) expect(await catalog.find('add')).to.include({ name: 'add' });
    expect(registry.reads).to.be.at.most(2);
    expect([...catalog.names()]).to.deep.equal(['add']);
  });

  it('has the new description of a task once it was told of a change', async () => {
    const { catalog, publish } = startTestCatalog();
    publish(specNamed('add', 'first'));
    expect(await catalog.find('add')).to.include({ description: 'first' });
    publish(specNamed('add', 'second'));
    expect(await catalog.find('add')).to.include({ description: 'second' });
  });

  it('repeats a reload that failed at the next find, also for a name that it knows', async () => {
    const { catalog, registry, publish } = startTestCatalog();
    publish(specNamed('add', 'first'));
    expect(await catalog.find('add')).to.include({ description: 'first' });
    registry.isAway = true;
    publish(specNamed('add', 'second'));
    await turn();
    registry.isAway = false;
    expect(await catalog.find('add')).to.include({ description: 'second' });
  });

  it('says that the registry cannot be read rather than go by an old one', async () => {
    const { catalog, registry, publish } = startTestCatalog();
    publish(specNamed('add', 'first'));
    await catalog.find('add');
    registry.isAway = true;
    publish(specNamed('add', 'second'));
    await turn();
    const error = await catalog.find('add').catch((reason: unknown) => reason);
    expect(String(error)).to.equal('Error: away');
  });

  it('is not held up by a clock that was set back', async () => {
    const clock = clockToSet();
    const { catalog } = startTestCatalog();
    expect(await catalog.find('add')).to.equal(undefined);
    clock.setAhead(-3_600_000);
    expect(await catalog.find('add')).to.equal(undefined);
  });

  it('finds a task whose change nobody told of, and none that no worker has', async () => {
    const { catalog, registry } = startTestCatalog();
    expect(await catalog.find('add')).to.equal(undefined);
    registry.specs.set('add', specNamed('add', 'quiet'));
    expect(await catalog.find('add')).to.include({ description: 'quiet' });
  });
});
