/**
 * A PHP application as frameworks make them: some hundred files, of which a request loads about half through an
 * autoloader, with services that need each other, entities, configuration files and templates.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ENTITIES = 100;
const SERVICES = 150;
const SETTINGS = 20;
const TEMPLATES = 30;

/** What one request loads at least: each of these is one file. */
export const FILES_A_REQUEST: number = ENTITIES / 2 + SERVICES / 2 + SETTINGS + TEMPLATES;

function entity(i: number): string {
  return `<?php
declare(strict_types=1);

namespace App\\Entity;

final class Entity${i} implements \\JsonSerializable
{
    private const LABELS = ['id' => 'Identifier', 'name' => 'Name ${i}', 'price' => 'Price', 'tags' => 'Tags'];

    public function __construct(
        private int $id,
        private string $name = 'entity ${i}',
        private float $price = ${i}.5,
        private array $tags = [],
    ) {
    }

    public function id(): int
    {
        return $this->id;
    }

    public function withTag(string $tag): self
    {
        $copy = clone $this;
        $copy->tags[] = strtolower(trim($tag));
        sort($copy->tags);
        return $copy;
    }

    public function total(int $count): float
    {
        if ($count < 0) {
            throw new \\InvalidArgumentException(sprintf('%d of %s', $count, $this->name));
        }
        return round($this->price * $count * ($count > 10 ? 0.9 : 1.0), 2);
    }

    public function label(string $field): string
    {
        return self::LABELS[$field] ?? ucfirst($field);
    }

    public function jsonSerialize(): array
    {
        return ['id' => $this->id, 'name' => $this->name, 'price' => $this->price, 'tags' => $this->tags];
    }
}
`;
}

/** Each needs the one two before it, so that getting one brings a chain. */
function service(i: number): string {
  const needed = i < 2 ? 'null' : `$container->get(Service${i - 2}::class)`;
  return `<?php
declare(strict_types=1);

namespace App\\Service;

use App\\Container;
use App\\Entity\\Entity${i % ENTITIES};

class Service${i}
{
    private ?object $inner;
    /** @var array<int, Entity${i % ENTITIES}> */
    private array $found = [];

    public function __construct(Container $container)
    {
        $this->inner = ${needed};
    }

    public function find(int $id): Entity${i % ENTITIES}
    {
        return $this->found[$id] ??= (new Entity${i % ENTITIES}($id))->withTag('Service${i}')->withTag('found');
    }

    public function rows(array $settings): array
    {
        $rows = [];
        foreach ([1, 2, 3] as $id) {
            $entity = $this->find($id);
            $rows[] = [
                'label' => $entity->label('name'),
                'total' => $entity->total($id * $settings['factor']),
                'data' => $entity,
            ];
        }
        usort($rows, static fn (array $a, array $b): int => $b['total'] <=> $a['total']);
        return $rows;
    }

    public function depth(): int
    {
        return $this->inner === null ? 1 : $this->inner->depth() + 1;
    }
}
`;
}

const CONTAINER = `<?php
declare(strict_types=1);

namespace App;

final class Container
{
    private array $made = [];

    public function get(string $class): object
    {
        return $this->made[$class] ??= new $class($this);
    }
}
`;

/** Every second service, and with it every second entity. */
const INDEX = `<?php
declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    $file = __DIR__ . '/src/' . str_replace('\\\\', '/', substr($class, 4)) . '.php';
    if (is_file($file)) {
        require $file;
    }
});

$settings = [];
for ($i = 0; $i < ${SETTINGS}; $i++) {
    $settings = array_merge($settings, require __DIR__ . "/config/settings$i.php");
}
$container = new App\\Container();
$depth = $container->get(App\\Service\\Service${SERVICES - 2}::class)->depth();
ob_start();
for ($i = 0; $i < ${TEMPLATES}; $i++) {
    $rows = $container->get("App\\\\Service\\\\Service" . ($i * 4 % ${SERVICES}))->rows($settings);
    require __DIR__ . "/templates/template$i.php";
}
for ($i = 0; $i < ${SERVICES}; $i += 2) {
    $container->get("App\\\\Service\\\\Service$i")->find($i);
}
$body = ob_get_clean();
header('X-Files: ' . count(get_included_files()));
echo "<!doctype html><title>bench</title><p>$depth services deep</p>\\n", $body;
`;

/** What the opcode cache of the process that answers says of itself. */
const OPCACHE = `<?php
$status = opcache_get_status(false);
header('Content-Type: application/json');
echo json_encode([
    'enabled' => $status !== false && $status['opcache_enabled'],
    'scripts' => $status === false ? 0 : $status['opcache_statistics']['num_cached_scripts'],
    'sapi' => PHP_SAPI,
]);
`;

function settings(i: number): string {
  const keys = Array.from(
    { length: 20 },
    (_, k) => `    'section${i}.key${k}' => ['value' => ${k}, 'text' => 'text ${k}'],`,
  );
  return `<?php\nreturn [\n    'factor' => 4,\n${keys.join('\n')}\n];\n`;
}

function template(i: number): string {
  return `<section id="part${i}">
<?php foreach ($rows as $row): ?>
  <p><b><?= htmlspecialchars($row['label']) ?></b> <?= number_format($row['total'], 2) ?>
  <code><?= htmlspecialchars(json_encode($row['data'])) ?></code></p>
<?php endforeach ?>
</section>
`;
}

/** Writes the application into `dir`, which is made. Its pages: index.php and opcache.php. */
export function writePhpApp(dir: string): void {
  const files: Record<string, string> = {
    'index.php': INDEX,
    'opcache.php': OPCACHE,
    'src/Container.php': CONTAINER,
  };
  const add = (count: number, name: (i: number) => string, text: (i: number) => string): void => {
    for (let i = 0; i < count; i++) files[name(i)] = text(i);
  };
  add(ENTITIES, i => `src/Entity/Entity${i}.php`, entity);
  add(SERVICES, i => `src/Service/Service${i}.php`, service);
  add(SETTINGS, i => `config/settings${i}.php`, settings);
  add(TEMPLATES, i => `templates/template${i}.php`, template);
  for (const part of ['', 'src', 'src/Entity', 'src/Service', 'config', 'templates']) {
    mkdirSync(join(dir, part), { recursive: true });
    chmodSync(join(dir, part), 0o755);
  }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(dir, name), text);
    chmodSync(join(dir, name), 0o644);
  }
}
