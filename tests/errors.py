"""The contract's codes and their statuses."""

from belfoot_img.errors import ServiceError

STATUS_OF = {code: error.status for code, error in ServiceError.family().items()}
