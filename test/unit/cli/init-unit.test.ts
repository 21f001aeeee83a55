/** How the packaged unit becomes one of another installation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unitText } from '../../../src/cli/init-unit.ts';

const TEMPLATE = `[Service]
ExecStart=/usr/bin/fpm-ts start
ExecReload=/usr/bin/fpm-ts reload
NoNewPrivileges=no
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
NoNewPrivileges=no
`,
  );
});

void test('a path that systemd would take apart or expand is quoted (systemd.service(5))', () => {
  const odd = { ...plain, configFile: '/srv/a "b" 100%/$x\\.toml' };
  assert.match(unitText(TEMPLATE, odd), /--config "\/srv\/a \\"b\\" 100%%\/\$\$x\\\\\.toml" start$/m);
});
