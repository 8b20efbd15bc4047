"""Runs oom against real memory cgroups below BASE, version 1 or 2, and prints each case's outcome as JSON."""
import json
import os
import signal
import subprocess
import sys
import time

program, base, version = sys.argv[1], sys.argv[2], int(sys.argv[3])
LIMIT = 20 << 20
# Touches 100 MB; the kernel kills it at the limit.
HOG = 'x = "a" * 100000000'
DEADLINE_SECONDS = 20
groups = []


def group(name, limit=LIMIT):
    path = f'{base}/warden-test-{os.getpid()}-{name}'
    os.mkdir(path)
    groups.append(path)
    with open(path + ('/memory.limit_in_bytes' if version == 1 else '/memory.max'), 'w') as file:
        file.write(str(limit))
    return path


def remove(path):
    end = time.time() + DEADLINE_SECONDS
    while True:
        try:
            os.rmdir(path)
            groups.remove(path)
            return
        except OSError:
            if time.time() > end:
                raise
            time.sleep(0.01)


def run_in(path, command):
    return subprocess.run(['sh', '-c', f'echo $$ > {path}/cgroup.procs && exec "$@"', 'sh', *command], stderr=subprocess.DEVNULL).returncode


def hog(path):
    return run_in(path, [sys.executable, '-c', HOG])


def watch(path):
    oom = subprocess.Popen([program, path], stderr=subprocess.PIPE)
    # It sleeps once it watches; until then it may miss what happens.
    end = time.time() + DEADLINE_SECONDS
    while 'epoll' not in wchan(oom.pid) and oom.poll() is None and time.time() < end:
        time.sleep(0.01)
    time.sleep(0.3)
    return oom


def wchan(pid):
    try:
        with open(f'/proc/{pid}/wchan') as file:
            return file.read()
    except OSError:
        return 'epoll'


def code(oom):
    try:
        oom.communicate(timeout=DEADLINE_SECONDS)
        return oom.returncode
    except subprocess.TimeoutExpired:
        oom.kill()
        oom.communicate()
        return 'did not end'


def state(oom):
    return 'waits' if oom.poll() is None else f'ended {oom.returncode}'


def cpu_ticks(pid):
    with open(f'/proc/{pid}/stat') as file:
        return sum(int(field) for field in file.read().rsplit(')', 1)[1].split()[11:13])


def parent_died(path):
    parent = subprocess.Popen([sys.executable, '-c', 'import subprocess, sys, time\n'
                               'print(subprocess.Popen(sys.argv[1:]).pid, flush=True)\ntime.sleep(60)', program, path], stdout=subprocess.PIPE)
    pid = int(parent.stdout.readline())
    time.sleep(0.3)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    end = time.time() + DEADLINE_SECONDS
    while time.time() < end:
        try:
            with open(f'/proc/{pid}/stat') as file:
                if file.read().rsplit(')', 1)[1].split()[0] == 'Z':
                    return 'ended'
        except OSError:
            return 'ended'
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return 'lives on'


def main():
    result = {}
    path = group('one')
    oom = watch(path)
    result['idle'] = state(oom)
    run_in(path, ['true'])
    result['a harmless process'] = state(oom)
    before = cpu_ticks(oom.pid)
    time.sleep(1)
    result['cpu while idle'] = cpu_ticks(oom.pid) - before
    result['the hog'] = hog(path) in (-9, 137)
    result['out of memory'] = code(oom)
    oom = watch(path)
    result['kills from before'] = state(oom)
    remove(path)
    result['removed'] = code(oom)
    path = group('two')
    oom = watch(path + '/')
    hog(path)
    result['a slash at the end'] = code(oom)
    result['parent died'] = parent_died(path)
    remove(path)
    result['no such group'] = code(watch(path))
    return result


try:
    outcome = main()
finally:
    for left in list(groups):
        remove(left)
print(json.dumps(outcome))
