<?php
/**
 * Store a picture for an article and write its JPEG into a file, with PHP 8 and no extension:
 *
 *     php examples/client.php https://example.com/photo.jpg 42
 *
 * The service and the account are read from BELFOOT_IMG_URL, BELFOOT_IMG_USER and BELFOOT_IMG_PASSWORD.
 */

declare(strict_types=1);

/** What the service answered instead of what it was asked for; getCode() is the HTTP status, 0 without an answer. */
final class BelfootImgError extends RuntimeException
{
    public function __construct(int $status, public readonly string $errorCode, string $message,
                                public readonly string $requestId = '')
    {
        parent::__construct($message, $status);
    }

    /** Whether the same request may succeed later. */
    public function isTemporary(): bool
    {
        return in_array($this->getCode(), [0, 429, 502, 503, 504], true);
    }
}

final class BelfootImg
{
    public function __construct(
        private string $service,
        private string $username,
        #[\SensitiveParameter] private string $password,
        private int $attempts = 4,
        private int $patience = 60,
    ) {
    }

    /** Stores the picture behind $url for the article; returns what was done, without the JPEG. */
    public function store(string $url, string $articleId): array
    {
        $data = ['url' => $url, 'article_id' => $articleId];
        [, $body] = $this->call('POST', '/api/v1/images', $data, ['Prefer: return=minimal']);
        return json_decode($body, true, flags: JSON_THROW_ON_ERROR)['data'];
    }

    /** The JPEG and its ETag; null in place of the JPEG where $etag says that the caller has it. */
    public function jpeg(string $articleId, ?string $etag = null): array
    {
        $headers = ['Accept: image/jpeg', ...($etag === null ? [] : ["If-None-Match: $etag"])];
        [$status, $body, $answered] = $this->call('GET', '/api/v1/images/' . rawurlencode($articleId), null, $headers);
        return [$status === 304 ? null : $body, $answered['etag'] ?? null];
    }

    /** One request, tried again where that may help: [status, body, headers in lower case]. */
    private function call(string $method, string $path, ?array $data, array $headers): array
    {
        for ($attempt = 1, $waited = 0; ; $attempt++) {
            [$status, $body, $answered] = $this->once($method, $path, $data, $headers);
            if ($status >= 200 && $status < 300 || $status === 304) {
                return [$status, $body, $answered];
            }
            $told = json_decode($body, true)['error'] ?? ['code' => '', 'message' => "status $status"];
            $error = new BelfootImgError($status, $told['code'], $told['message'], $answered['x-request-id'] ?? '');
            $pause = (int) ($answered['retry-after'] ?? 2 ** ($attempt - 1));
            $waited += $pause;
            if (!$error->isTemporary() || $attempt >= $this->attempts || $waited > $this->patience) {
                throw $error;
            }
            sleep($pause);
        }
    }

    private function once(string $method, string $path, ?array $data, array $headers): array
    {
        $document = ['user' => ['username' => $this->username, 'password' => $this->password]];
        $document += $data === null ? [] : ['data' => $data];
        $context = stream_context_create(['http' => [
            'method' => $method,
            'header' => ['Content-Type: application/json', 'Connection: close', ...$headers],
            'content' => json_encode($document, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES),
            'protocol_version' => 1.1,
            'timeout' => 130,
            'follow_location' => 0,  // the password goes to this service alone
            'ignore_errors' => true,  // the body of an error says what to do
        ]]);
        $body = @file_get_contents($this->service . $path, false, $context);
        $lines = $http_response_header ?? [];
        if ($body === false || !$lines) {
            return [0, '', []];
        }
        $answered = [];
        foreach (array_slice($lines, 1) as $line) {
            [$name, $value] = explode(':', $line, 2) + [1 => ''];
            $answered[strtolower($name)] = trim($value);
        }
        return [(int) explode(' ', $lines[0])[1], $body, $answered];
    }
}

[, $link, $articleId] = $argv;
$service = new BelfootImg(getenv('BELFOOT_IMG_URL') ?: 'http://127.0.0.1:6543',
                          getenv('BELFOOT_IMG_USER'), getenv('BELFOOT_IMG_PASSWORD'));
try {
    $image = $service->store($link, $articleId);
    [$jpeg, $etag] = $service->jpeg($articleId);
} catch (BelfootImgError $error) {
    $advice = $error->isTemporary() ? 'try again later' : 'give it up and tell the editor';
    fwrite(STDERR, "$advice: {$error->getCode()} {$error->errorCode}: {$error->getMessage()}"
                   . " (request id {$error->requestId})\n");
    exit(1);
}
file_put_contents("$articleId.jpg", $jpeg);
[$jpeg] = $service->jpeg($articleId, $etag);
echo "$articleId.jpg: {$image['width']}x{$image['height']}, {$image['bytes']} bytes, {$image['conversion']['action']}, ",
     $jpeg === null ? "not sent again\n" : "sent again\n";
