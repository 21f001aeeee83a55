/** How the packaged unit becomes one of another installation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unitText } from '../../../src/cli/init-unit.ts';

const TEMPLATE = `[Service]
ExecStart=/usr/bin/fpm-ts start
ExecReload=/usr/bin/fpm-ts reload
ProtectHome=yes
`;

const plain = {
  node: '/usr/bin/node',
  entry: '/opt/fpm-ts/dist/main.js',
  configFile: '/etc/fpm-ts/fpm-ts.toml',
};

void test('every call of the packaged program names node, main.js and the configuration', () => {
  assert.equal(
    unitText(TEMPLATE, plain),
    `[Service]
ExecStart=/usr/bin/node /opt/fpm-ts/dist/main.js --config /etc/fpm-ts/fpm-ts.toml start
ExecReload=/usr/bin/node /opt/fpm-ts/dist/main.js --config /etc/fpm-ts/fpm-ts.toml reload
ProtectHome=yes
`,
  );
});

void test('a path that systemd would take apart or expand is quoted (systemd.service(5))', () => {
  const odd = { ...plain, configFile: '/srv/a "b" 100%/$x\\.toml' };
  assert.match(unitText(TEMPLATE, odd), /--config "\/srv\/a \\"b\\" 100%%\/\$\$x\\\\\.toml" start$/m);
});

for (const path of ['/root/.nvm/node', '/home/me/node', '/run/user/1000/node'])
  void test(`${path} is seen although homes are protected`, () => {
    const text = unitText(TEMPLATE, { ...plain, node: path });
    assert.match(text, /^ProtectHome=read-only$/m);
    assert.doesNotMatch(text, /^ProtectHome=yes$/m);
  });
