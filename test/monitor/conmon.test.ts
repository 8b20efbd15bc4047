/** What podman and CRI-O rely on, of our monitor and of conmon itself. */
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run, scratch, until } from '../support/process.js';
import { lacksNamespaces } from '../support/capabilities.js';
import { unless } from '../support/skip.js';
import { Monitored, monitors } from './help.js';

/** What seq(1) prints. */
function numbers(last: number): string { return Array.from({ length: last }, (_, index) => `${index + 1}\n`).join(''); }

/** The text of a log's records, put together again. */
function textOf(log: string): string {
  return log.split('\n').map((line) => line.slice(45) + (line[43] === 'F' ? '\n' : '')).join('');
}

for (const { name, path, missing } of monitors) {
  const all = suite(`a container under ${name}`);
  const it = unless(missing, all);
  const { directory, remove } = scratch();
  all.after(remove);
  const of = (script: string, runtime?: string): Monitored => new Monitored(path, directory(), script, runtime);

  it('has a line of the log for each line, and P for a piece without an end', async () => {
    const container = of(`printf a; logged 'P a$'; printf b; logged 'P b$'; echo c; echo; echo e >&2`);
    assert.is((await container.run()).code, 0);
    assert.equal(container.records, ['stdout P a', 'stdout P b', 'stdout F c', 'stdout F ', 'stderr F e']);
  });

  it('leaves its exit code in both files, and is the monitor\'s own', async () => {
    const container = of('exit 7');
    assert.is((await container.run()).code, 7);
    assert.is(container.read('exit/one'), '7');
    assert.is(container.read('persist/exit'), '7');
    assert.is(container.read('exit-arguments'), 'container||cleanup|');
    assert.not(container.isAttachable);
  });

  it('has 128 and the signal\'s number when it was killed', async () => {
    const container = of('kill -KILL $$');
    await container.run();
    assert.is(container.read('exit/one'), '137');
  });

  // conmon 2.1.6 kills it, too, and leaves no exit file without a container's cgroup.
  if (name === 'monitor') it('is killed when its time is over', async () => {
    const container = of('exec sleep 60');
    assert.is((await container.run('--timeout', '1')).code, 255);
    // As conmon does: podman shows it as -1.
    assert.is(container.read('exit/one'), '-1');
  });

  it('has its pid reported', async () => {
    const container = of('exit 0');
    await container.run();
    assert.match(container.messages, /^\{"data": \d+\}\n/);
    assert.is(container.messages.split('\n')[0], `{"data": ${container.read('pid')}}`);
  });

  it('is reported as -1 with the runtime\'s words when it does not start', async () => {
    const container = of('', '#!/bin/sh\necho \'no "such" container\' >&2\nexit 1\n');
    await container.run();
    assert.equal(JSON.parse(container.messages), { data: -1, message: 'no "such" container\n' });
    assert.is(container.read('exit-arguments'), 'container||cleanup|');
  });

  it('gives a client every byte of both streams', async () => {
    const container = of('read line; seq 1 20000; seq 1 500 >&2; exit 3');
    const ended = container.run('--stdin');
    await until(() => container.isAttachable, 'attach');
    writeFileSync(`${container.directory}/input`, 'go\n');
    const client = await container.attach(`${container.directory}/input`);
    assert.ok(client.stdout.toString() === numbers(20_000), `stdout has ${client.stdout.length} bytes`);
    assert.ok(client.stderr === numbers(500), `stderr has ${client.stderr.length} bytes`);
    assert.is((await ended).code, 3);
  });

  it('gets a client\'s input, and its end', async () => {
    const container = of('cat; echo over');
    const ended = container.run('--stdin');
    await until(() => container.isAttachable, 'attach');
    const text = 'some line of input\n'.repeat(20_000);
    writeFileSync(`${container.directory}/input`, text);
    const client = await container.attach(`${container.directory}/input`);
    assert.ok(client.stdout.toString() === `${text}over\n`, 'not what was sent');
    assert.is((await ended).code, 0);
  });

  it('goes on in a new log file after a message on ctl', async () => {
    const container = of('echo one; read line; echo two');
    const ended = container.run('--stdin');
    await until(() => container.read('log')?.includes('one') === true, 'the first line');
    renameSync(container.log, `${container.log}.old`);
    writeFileSync(`${container.directory}/bundle/ctl`, '2 0 0\n');
    await until(() => container.read('log') !== undefined, 'a new file');
    writeFileSync(`${container.directory}/input`, 'go\n');
    await container.attach(`${container.directory}/input`);
    await ended;
    assert.equal(container.records, ['stdout F two']);
    assert.match(container.read('log.old')!, / stdout F one\n$/);
  });

  if (name === 'monitor') {
    it('ends a last line without a newline by an empty record with tag F, of each stream', async () => {
      const container = of('read line; printf out; logged "P out"; printf err >&2');
      const ended = container.run('--stdin');
      await until(() => container.isAttachable, 'attach');
      writeFileSync(`${container.directory}/input`, 'go\n');
      const client = await container.attach(`${container.directory}/input`);
      assert.equal([client.stdout.toString(), client.stderr], ['out', 'err'], 'clients get what was written, no more');
      await ended;
      assert.equal(container.records, ['stdout P out', 'stderr P err', 'stdout F ', 'stderr F ']);
    });

    it('has long lines whole up to 32 KiB a record, P until the line ends', async () => {
      const container = of("head -c 100000 /dev/zero | tr '\\000' x; echo end; head -c 70000 /dev/zero | tr '\\000' y");
      await container.run();
      const text = textOf(container.read('log')!);
      assert.ok(text === `${'x'.repeat(100_000)}end\n${'y'.repeat(70_000)}\n`, `${text.length} bytes`);
      for (const record of container.records) assert.ok(record.length <= 'stdout P '.length + 32_768, `${record.length} bytes`);
      assert.is(container.records.filter((record) => record.startsWith('stdout F ')).length, 2);
    });

    it('relays messages for a service manager, without those about the sender', async () => {
      const messages = ['READY=1', 'STATUS=up\\nMAINPID=7\\nWATCHDOG=1\\n', 'FDSTORE=1\\nFDNAME=x', 'MAINPID=9', 'STOPPING=1'];
      const container = of(messages.map((text) => `python3 DIRECTORY/notify.py DIRECTORY/bundle/notify/notify.sock '${text}'`).join('\n'));
      const { messages: relayed } = await container.runWithManager();
      assert.equal(relayed, ['READY=1', 'STATUS=up\nWATCHDOG=1', 'STOPPING=1']);
      assert.not.ok(existsSync(`${container.directory}/bundle/notify/notify.sock`));
    });

    it('is found by its UUID below --socket-dir-path, unless --full-attach is given', async () => {
      const container = of('read line; echo "got $line"');
      mkdirSync(`${container.directory}/sockets`);
      const options = ['--stdin', '--socket-dir-path', `${container.directory}/sockets`];
      const ended = container.runPlain(...options);
      const link = `${container.directory}/sockets/one`;
      await until(() => existsSync(`${link}/attach`), 'the link');
      assert.is(readlinkSync(link), `${container.directory}/bundle`);
      writeFileSync(`${container.directory}/input`, 'word\n');
      assert.is((await container.attach(`${container.directory}/input`)).stdout.toString(), 'got word\n');
      await ended;
      const other = of('true');
      mkdirSync(`${other.directory}/sockets`);
      await other.run('--socket-dir-path', `${other.directory}/sockets`);
      assert.equal(readdirSync(`${other.directory}/sockets`), []);
    });

    unless(missing ?? lacksNamespaces(), all)('sends the journal a message a line, in a namespace with a journal', async () => {
      const container = of('echo one; echo two >&2; echo \'<4>three\'; printf four; echo " five"; printf end');
      const { messages } = await container.runWithJournal('-n', 'name', '--log-label', 'A=b', '--log-tag', 'tag');
      const fields = messages.map((message) => Object.fromEntries(message.trimEnd().split('\n').map((line) => (
        /^([A-Z_]+)=(.*)$/.exec(line)!.slice(1)))) as Record<string, string>);
      // The streams are two: which is read first is not said.
      fields.sort((a, b) => (a['MESSAGE']! < b['MESSAGE']! ? -1 : 1));
      assert.equal(fields.map((each) => [each['MESSAGE'], each['PRIORITY'], each['CONTAINER_PARTIAL_MESSAGE']]), [
        ['end', '6', 'true'], ['four five', '6', undefined], ['one', '6', undefined], ['three', '4', undefined], ['two', '3', undefined],
      ]);
      for (const each of fields) {
        assert.equal([each['CONTAINER_ID_FULL'], each['CONTAINER_ID'], each['CONTAINER_NAME'], each['CONTAINER_TAG'], each['SYSLOG_IDENTIFIER'], each['A']],
          ['one-of-many-containers', 'one-of-many-', 'name', 'tag', 'tag', 'b']);
      }
    });

    it('writes docker\'s format, each line an object', async () => {
      const container = of('printf \'a "b"\\n\\001\\377\\n\'; printf c >&2');
      await container.run('-l', `json-file:${container.log}`);
      const records = readFileSync(container.log, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, string>);
      assert.equal(records.map(({ log, stream }) => [log, stream]), [['a "b"\n', 'stdout'], ['\u0001\ufffd\n', 'stdout'], ['c', 'stderr']]);
      for (const { time } of records) assert.match(time!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    });

    it('has a log that its group may read', async () => {
      const container = of('true');
      await container.run();
      assert.is(statSync(container.log).mode & 0o777, 0o640);
    });

    it('writes no more than --log-global-size-max', async () => {
      const container = of(`for i in 1 2 3 4 5; do echo $i; [ $i -gt 2 ] || logged "F $i\$"; done`);
      await container.run('--log-global-size-max', '60');
      assert.equal(container.records, ['stdout F 1', 'stdout F 2']);
    });

    it('does not wait for a client that does not read, and gives it everything from the log', async () => {
      const container = of('read line; seq 1 300000');
      const ended = container.run('--stdin');
      await until(() => container.isAttachable, 'attach');
      writeFileSync(`${container.directory}/input`, 'go\n');
      const client = container.attachStopped(`${container.directory}/input`);
      await until(() => container.read('log')?.endsWith(' 300000\n') === true, 'the last line in the log');
      const { stdout } = await client.goOn();
      assert.ok(stdout.toString() === numbers(300_000), `stdout has ${stdout.length} bytes`);
      await ended;
    });

    it('keeps older log files, loses no line and repeats none', async () => {
      const container = of('seq 1 100000');
      await container.run('--log-size-max', '2000000', '--log-max-files', '3');
      const files = ['log.2', 'log.1', 'log'].map((file) => container.read(file) ?? '');
      for (const file of files) assert.ok(file.length <= 2_000_000 && file.endsWith('\n'), `${file.length} bytes`);
      assert.ok(textOf(files.join('')) === numbers(100_000), 'the lines are not all there, once each');
    });
  }

  it('has its command line judged as conmon\'s', async () => {
    const at = directory(), id = 'one-of-many-containers', log = `${at}/log`;
    const given = ['--cid', id, '--cuuid', id, '--runtime', '/tmp'];
    const cases: readonly (readonly [args: readonly string[], words: RegExp | undefined, file?: string])[] = [
      [[], /Container ID not provided\. Use --cid/], [['--cid', id], /Container UUID not provided\. Use --cuuid/],
      [['--cid', id, '--cuuid', id], /Runtime path not provided\. Use --runtime/],
      [['--cid', id, '--cuuid', id, '--runtime', '/not/a/path'], /Runtime path \/not\/a\/path is not valid/],
      [given, /Log driver not provided\. Use --log-path/], [[...given, '-l', ''], /log-path must not be empty/], [[...given, '-l', ':'], /log-path must not be empty/],
      [[...given, '-l', 'k8s-file'], /k8s-file requires a filename/], [[...given, '-l', 'k8s-file:'], /k8s-file requires a filename/],
      [[...given, '-l', 'other:/x'], /No such log driver other/], [[...given, '-l', 'other:'], /No such log driver other/],
      [[...given, '-l', `k8s-file:${log}`, '-l', 'other:/x'], /No such log driver other/],
      [[...given, '-l', 'k8s-file:/not/a/path'], /Failed to open log file/], [[...given, '-l', log, '--log-tag', 'tag'], /k8s-file doesn't support --log-tag/],
      [['--cid', 'abcdefghijkl', '--cuuid', 'x', '--runtime', '/tmp', '-l', 'journald:'], /Container ID must be longer than 12 characters/],
      [[...given, '-l', log, '--log-level', 'loud'], /No such log level loud/], [[...given, '-l', log, '--exec-attach'], /Attach can only be specified with exec/],
      [['--cid', id, '--runtime', '/tmp', '-l', log, '-e', '--exec-attach', '--exec-process-spec', '/x'], /only be specified for a non-legacy exec session/],
      [[...given, '-l', log, '-e'], /Exec process spec path not provided/], [[...given, '-l', log, '-e', '--restore', '/x'], /Cannot use 'exec' and 'restore'/],
      [[...given, '-l', log, '--api-version', '1', '--sync', '-e', '--exec-attach', '--exec-process-spec', '/x'], /--attach specified but _OCI_ATTACHPIPE was not/],
      [[...given, '-l', log, '--nosuch'], /[Uu]nknown option/],
      [[...given, '-l', log], undefined, 'log'], [[...given, '-l', `:${log}`], undefined, 'log'], [[...given, '-l', ':journald'], undefined, 'journald'],
      [[...given, '-l', 'none:'], undefined], [[...given, '-l', 'journald:'], undefined], [[...given, '-l', `k8s-file:${log}`, '-l', 'journald'], undefined, 'log'],
      ...name === 'conmon' ? [] : [
        [[...given, '-l', log, '--log-rotate', '--log-max-files', '-1'], /log-max-files must be non-negative/],
        [[...given, '-l', log, '--log-max-files', '1001'], /log-max-files cannot exceed 1000/],
        [[...given, '-l', log, '--log-rotate', '--log-max-files', '0'], /must be at least 1 when log-rotate is enabled/],
        [[...given, '-l', 'journald', '--log-label', 'A=B=C'], /labels must be in format LABEL=VALUE/],
        [[...given, '-l', 'journald', '--log-label', '=C'], /labels must be in format LABEL=VALUE/],
        [[...given, '-l', 'journald', '--log-label', 'a=C'], /must contain only uppercase letters, numbers and underscore/],
        [[...given, '-l', log, '--log-label', 'A=C'], /k8s-file doesn't support --log-label/],
        [[...given, '-l', log, '--log-rotate', '--log-max-files', '1000', '--log-allowlist-dir', at], undefined, 'log'],
      ] as const,
    ];
    for (const [args, words, file] of cases) {
      for (const kept of readdirSync(at)) rmSync(`${at}/${kept}`);
      const { code, stdout, stderr } = await run([path, ...args], { cwd: at });
      assert.is(code, words ? 1 : 0, args.join(' '));
      if (words) assert.match(stdout.toString() + stderr, words);
      if (file !== undefined) assert.ok(existsSync(`${at}/${file}`), `${args.join(' ')}: no file ${file}`);
    }
  });

  all.run();
}
