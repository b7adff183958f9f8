"""The Russian of what the API says. ``{name}`` stands for what differs from answer to answer.

``SENTENCES``: code → the sentence of the code itself. ``MESSAGES``: English message → Russian one; a message that
begins with the name of a field stands here without it. A name in braces is translated too where it stands here.
"""

from __future__ import annotations

from belfoot_img.errors import ServiceError

SENTENCES = {
    "malformed_json": "Тело запроса — не объект JSON в UTF-8. Проверьте, что отправляет программа.",
    "malformed_path": "Путь запроса не закодирован процентами в UTF-8. Закодируйте номер статьи перед отправкой.",
    "credentials_missing": 'Нужны имя и пароль: {"user": {"username": …, "password": …}} в теле запроса.',
    "credentials_wrong": "Имя или пароль неверны. Проверьте их или попросите администратора задать новый пароль.",
    "forbidden": "Роль этого пользователя такого не разрешает. Если это нужно, попросите администратора её изменить.",
    "not_found": "По этому адресу ничего нет. Проверьте путь.",
    "image_not_found": "У этой статьи нет картинки. Сначала сохраните её.",
    "user_not_found": "Пользователя с таким именем нет.",
    "batch_not_found": "Такого пакета нет.",
    "method_not_allowed": "Этот адрес не знает такого метода; какие он знает, сказано в заголовке Allow.",
    "user_exists": "Пользователь с таким именем уже есть; измените его, а не создавайте заново.",
    "last_admin": "Это последний действующий администратор. Сначала сделайте администратором кого-нибудь ещё.",
    "request_too_large": "Тело запроса слишком велико.",
    "invalid_field": "Поле запроса отсутствует или заполнено неверно.",
    "url_refused": "По этой ссылке загружать нельзя. Укажите общедоступный адрес http:// или https://.",
    "not_an_image": "По ссылке не картинка известного формата. Укажите ссылку на сам файл, а не на страницу с ним.",
    "image_damaged": "Картинка повреждена и не читается. Сохраните её заново или возьмите другую.",
    "image_too_large": "В картинке слишком много байтов или пикселей. Уменьшите её или возьмите другую.",
    "cannot_fit": "Эту картинку не уместить в JPEG допустимого размера. Возьмите другую.",
    "key_reused": "С этим Idempotency-Key уже приходил другой запрос. Отправьте новый ключ.",
    "too_many_items": "Ваших картинок в очереди слишком много. Отправьте остальные, когда часть будет готова.",
    "too_many_failures": "Слишком много неверных паролей. Подождите, прежде чем пробовать снова.",
    "internal_error": "Сбой сервиса. Сообщите администратору request_id: по нему причина находится в журнале.",
    "origin_failed": "Сайт с картинкой её не отдал. Проверьте ссылку или повторите позже.",
    "origin_timed_out": "Сайт с картинкой не успел её отдать. Повторите позже.",
    "busy": "Сервис занят. Повторите немного позже.",
    "database_unavailable": "База данных не отвечает. Повторите немного позже.",
}

REQUESTS = {
    "send an object.": "нужен объект.",
    "send either it or data.list_url.": "нужно либо это поле, либо data.list_url, но не оба.",
    "send a list of 1 to {most} objects with url and article_id.": (
        "нужен список из 1–{most} объектов с полями url и article_id."
    ),
    "send an object with url and article_id.": "нужен объект с полями url и article_id.",
    "send at most 255 printable characters.": "нужно не больше 255 печатных символов.",
    "send a whole number from {least} to {most} or nothing.": (
        "нужно целое число от {least} до {most}; поле можно и опустить."
    ),
    "send {known} or nothing.": "допустимые значения: {known}; поле можно и опустить.",
    "send {one} or {other}.": "допустимые значения: {one}, {other}.",
    "send a whole number from 1 to {most}.": "нужно целое число от 1 до {most}.",
    "send 1 to 255 printable ASCII characters without spaces.": (
        "нужно от 1 до 255 печатных символов ASCII без пробелов."
    ),
    "send 1 to 255 characters without control characters or '/', or an integer.": (
        "нужно целое число или от 1 до 255 символов, без управляющих и без «/»."
    ),
    "send 1 to 255 characters without control characters or '/'.": (
        "нужно от 1 до 255 символов, без управляющих и без «/»."
    ),
    "send the image's URL, a string of 1 to {most} characters without control characters.": (
        "нужна ссылка на картинку: строка от 1 до {most} символов без управляющих."
    ),
    "send a link of 1 to {most} characters without control characters.": (
        "нужна ссылка от 1 до {most} символов без управляющих."
    ),
    "send the 'next' of the page before.": "нужно значение next предыдущей страницы.",
    "send one of {known}.": "допустимые значения: {known}.",
    "send true or false.": "нужно true или false.",
    "send at least one of role, active and password.": "нужно хотя бы одно из полей role, active и password.",
    "send 1 to 64 of A-Z a-z 0-9 . _ @ -": "нужно от 1 до 64 символов из A-Z a-z 0-9 . _ @ -",
    "a password has at least {least} characters and at most {most} bytes of UTF-8, no NUL.": (
        "в пароле должно быть не меньше {least} символов и не больше {most} байт UTF-8, без NUL."
    ),
    "it is missing.": "этого поля нет.",
    "it is missing before the file.": "этого поля нет перед файлом.",
    "it is missing or empty.": "файла нет, или он пуст.",
    "it cannot be read.": "не удаётся прочитать.",
    "it cannot be read, or broke off; send multipart/form-data (RFC 7578).": (
        "форма не читается или оборвалась; отправьте multipart/form-data (RFC 7578)."
    ),
    "a field is there twice.": "поле указано дважды.",
    "choose {known} or nothing.": "выберите {known} или ничего.",
    "send a whole number of kB from 1 to {most}.": "нужно целое число килобайтов от 1 до {most}.",
    "choose a list.": "выберите файл со списком.",
    "send a list of 1 to {most} lines.": "нужен список от 1 до {most} строк.",
    "there is no such field; {known} can be changed.": "такого поля нет; изменить можно {known}.",
    "there is no such field; the known ones are {known}.": "такого поля нет; известны {known}.",
    "there is no such key of the query; {known}.": "такого параметра в адресе нет; {known}.",
    "the known ones are {known}": "известны {known}",
    "this request knows none": "у этого запроса их нет вовсе",
    "as a key of the query it is for a body of the type image/*; send it in the body.": (
        "в адресе этот параметр бывает только при теле типа image/*; передайте его в теле."
    ),
    "send an object with username and password, both strings.": (
        "нужен объект с полями username и password, оба — строки."
    ),
    "which column holds the {what}? Its first line is: {shown}": (
        "в каком столбце {what}? Первая строка списка: {shown}"
    ),
    "it is longer than this service reads.": "список длиннее, чем сервис читает. Разделите его.",
    "the gzip is damaged or ends too early.": "gzip повреждён или оборван. Сожмите список заново.",
    "it is no CSV, TSV or JSONL ({error}).": "это не CSV, TSV или JSONL ({error}).",
    "the list changed while it was being read; send it anew.": (
        "список изменился, пока его читали; отправьте его заново."
    ),
    "{waiting} items of yours are waiting, and at most {most} may; send more when some are done.": (
        "В очереди уже {waiting} ваших картинок при пределе {most}. Отправьте остальные, когда часть будет готова."
    ),
    "The list holds more items than you may have waiting; the first of them were taken.": (
        "В списке больше картинок, чем вам можно держать в очереди; приняты первые из них."
    ),
    "The service failed; the log of the worker holds the reason.": (
        "Сбой сервиса. Сообщите администратору: причина записана в журнале процесса worker."
    ),
    "There is no such item in a batch.": "Такой картинки в пакете нет.",
    "The body broke off.": "Тело запроса оборвалось. Отправьте запрос заново.",
    "The request is malformed.": "Запрос составлен неверно.",
    "The request line or a header is malformed or too long.": (
        "Строка запроса или заголовок составлены неверно или слишком длинны."
    ),
    "The query is not percent-encoded UTF-8.": "Параметры в адресе не закодированы процентами в UTF-8.",
    "The form is larger than this page takes.": "Форма больше, чем принимает эта страница.",
    "The form has more or longer fields than are taken.": "В форме больше полей, или они длиннее, чем принимается.",
    "The body has more than {most} bytes.": "В теле запроса больше {most} байт. Отправьте меньше.",
    "The fields have more than {most} bytes.": "В полях формы больше {most} байт. Отправьте меньше.",
    "The file has more than {most} bytes.": "В файле больше {most} байт. Уменьшите картинку.",
    "A page of another site may not send this with the credentials that the browser has stored.": (
        "Страница другого сайта не может отправить это с паролем, который запомнил браузер. Откройте консоль сервиса."
    ),
    "The database's schema is not this version's: run belfoot-img migrate.": (
        "Схема базы данных — не от этой версии. Администратору: выполните belfoot-img migrate."
    ),
}

PICTURES = {
    "What the link gave is no {known} or {last}.": (
        "По ссылке не картинка известного формата ({known}, {last}). Укажите ссылку на сам файл, не на страницу с ним."
    ),
    "The image was decoded, but could not be encoded as a JPEG.": (
        "Картинка прочитана, но сохранить её как JPEG не удалось. Сохраните её заново или возьмите другую."
    ),
    "The image has {width} × {height} pixels; at most {most} are taken.": (
        "В картинке {width} × {height} пикселей, принимается не больше {most}. Уменьшите её."
    ),
    "The BMP is of a kind that is not supported: {kind}.": (
        "Такой BMP не поддерживается ({kind}). Сохраните картинку как PNG или JPEG."
    ),
    "The JPEG has {scans} scans, far more than it needs.": (
        "В этом JPEG {scans} проходов — намного больше, чем нужно. Сохраните картинку заново."
    ),
    "The JPEG is of a rare kind (lossless or not 8 bit); save it as a common one.": (
        "Это редкий вид JPEG (без потерь или не 8 бит). Сохраните картинку как обычный JPEG."
    ),
    "The image is cut off: {missing} of {declared} bytes are missing.": (
        "Файл картинки оборван: не хватает байтов — {missing} из {declared}. Загрузите его на сайт заново."
    ),
    "The GIF is cut off or damaged: more than 1 % of the picture is missing.": (
        "GIF оборван или повреждён: не хватает больше 1 % картинки. Загрузите файл на сайт заново."
    ),
    "The JPEG is cut off: a part of the picture is missing.": (
        "JPEG оборван: части картинки не хватает. Загрузите файл на сайт заново."
    ),
    "The PNG is cut off: more than 1 % of the picture is missing.": (
        "PNG оборван: не хватает больше 1 % картинки. Загрузите файл на сайт заново."
    ),
    "The TIFF is damaged, or its kind of pixels or its compression is not supported.": (
        "TIFF повреждён, или такой вид пикселей или сжатия не поддерживается. Сохраните картинку как PNG или JPEG."
    ),
    "The TIFF is damaged, or its compression ({kind}) is not supported.": (
        "TIFF повреждён, или его сжатие ({kind}) не поддерживается. Сохраните картинку как PNG или JPEG."
    ),
    "The TIFF is damaged: most of the picture is missing.": (
        "TIFF повреждён: большей части картинки не хватает. Сохраните её заново."
    ),
    "Converting the image takes more than {seconds} s of CPU time.": (
        "Обработка картинки занимает больше {seconds} с процессорного времени. Уменьшите картинку или возьмите другую."
    ),
    "Converting the image takes more memory than there is for it; send it with fewer pixels, or without "
    "transparency, interlacing or more than 8 bit.": (
        "Для обработки картинки не хватает памяти. Уменьшите её или сохраните без прозрачности, чересстрочной "
        "развёртки и глубины больше 8 бит."
    ),
    "The image is damaged: a codec crashed on it.": (
        "Картинка повреждена: программа чтения на ней аварийно завершилась."
    ),
    "The service is busy: there was no time to convert the image; try again later.": (
        "Сервис занят: на обработку картинки не хватило времени. Повторите позже."
    ),
    "The service is busy: {why}; try again later.": "Сервис занят: {why}. Повторите позже.",
    "it holds as many bytes of images as it can": "принято столько байтов картинок, сколько помещается",
    "it is taking in as many images as it can": "принимается столько картинок, сколько можно сразу",
}

LINKS = {
    "The URL's host or port is malformed.": "Имя сайта или порт в ссылке записаны неверно.",
    "The URL's port is not one from 1 to 65535.": "Порт в ссылке — не число от 1 до 65535.",
    "The URL is longer than {most} characters.": "Ссылка длиннее {most} символов.",
    "The URL holds a control character, such as a line break.": (
        "В ссылке управляющий символ, например перевод строки. Скопируйте её заново."
    ),
    "The URL does not begin with http:// or https://.": "Ссылка не начинается с http:// или https://.",
    "The URL holds an @ before its path, such as that of a user name; leave it out.": (
        "В ссылке перед путём стоит @, как у имени пользователя; уберите его."
    ),
    "The URL's host is neither a host name nor an IP address in its usual form.": (
        "В ссылке не имя сайта и не IP-адрес в обычной записи."
    ),
    "The URL holds half a character (a lone surrogate).": "В ссылке половина символа. Скопируйте её заново.",
    "{origin}: {before} redirects to it, from https to http": (
        "{origin}: сюда с https на http перенаправляет {before}. Укажите ссылку с https."
    ),
    "{origin}: it redirects to a URL that is refused. {error}": (
        "{origin}: сайт перенаправляет на запрещённый адрес. {error}"
    ),
    "{origin}: it redirects to a malformed URL": "{origin}: сайт перенаправляет на неверно записанный адрес.",
    "{origin}: more than {most} redirects": "{origin}: больше {most} перенаправлений. Укажите конечный адрес картинки.",
    "{origin}: the image has more than {limit} bytes": "{origin}: в картинке больше {limit} байт. Уменьшите её.",
    "{origin}: it sends the image compressed, though asked not to": (
        "{origin}: сайт отдаёт картинку сжатой, хотя его просили этого не делать."
    ),
    "{origin}: it does not say clearly how long its answer is": "{origin}: сайт неясно сообщает длину ответа.",
    "{origin}: it does not say clearly where its answer ends": "{origin}: сайт неясно сообщает, где кончается ответ.",
    "{origin}: only these ports may be fetched from: {ports}": "{origin}: загружать можно только с портов {ports}.",
    "{origin}: it is not among the hosts that may be fetched from": (
        "{origin}: этого сайта нет среди разрешённых. Попросите администратора добавить его."
    ),
    "{origin}: it is not, or not only, at a public address": (
        "{origin}: адрес этого сайта — не общедоступный. Укажите ссылку на общедоступный сайт."
    ),
    "{origin}: it answered {status} without saying where to": (
        "{origin}: сайт ответил {status}, но не сказал, куда перенаправляет."
    ),
    "{origin}: it did not deliver within {seconds} s": (
        "{origin}: сайт не отдал картинку за {seconds} с. Повторите позже."
    ),
    "{origin}: it answered {status}, not 200": (
        "{origin}: сайт ответил {status}, а не 200. Проверьте ссылку в браузере."
    ),
    "{origin}: its name does not resolve": "{origin}: сайта с таким именем нет. Проверьте ссылку.",
    "{origin}: its TLS certificate is not valid ({why})": "{origin}: сертификат TLS сайта недействителен ({why}).",
    "{origin}: TLS failed ({why})": "{origin}: защищённое соединение не установлено ({why}).",
    "{origin}: it sends too many or too large headers or chunk frames": (
        "{origin}: сайт присылает слишком много служебных данных."
    ),
    "{origin}: its answer ends too early": "{origin}: ответ сайта оборвался. Повторите позже.",
    "{origin}: it refused the connection": "{origin}: сайт отказал в соединении. Проверьте адрес и порт.",
    "{origin}: it closed the connection without an answer": "{origin}: сайт закрыл соединение, не ответив.",
    "{origin}: it broke the connection off": "{origin}: сайт оборвал соединение. Повторите позже.",
    "{origin}: its answer is not proper HTTP": "{origin}: ответ сайта — не HTTP.",
    "{origin}: the connection failed": "{origin}: соединиться не удалось. Повторите позже.",
}

MESSAGES = (
    {error.message: SENTENCES[code] for code, error in ServiceError.family().items() if code in SENTENCES}
    | LINKS
    | PICTURES
    | REQUESTS
)
